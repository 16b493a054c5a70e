; SPDX-License-Identifier: MIT
;@ summary: a CPU whose registers are all zero does not hang: the exit is reported, and it starts anew
%include "test.inc"
	hostop	OP_ON_SHUTDOWN, .again, 2
	hostop	OP_ZERO_STATE
	unreachable
.again:	pass
