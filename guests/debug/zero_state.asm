; SPDX-License-Identifier: MIT
;@ summary: a CPU whose registers are all zero is refused or runs into an exit, and the machine goes on
;@ compare: no whether it is refused is left to the back end
%include "test.inc"
	hostop	OP_ON_SHUTDOWN, .again, 2
	hostop	OP_ZERO_STATE
	test	rax, rax
	assert_cc s			; it came back: refused, with a negative result
.again:	pass
