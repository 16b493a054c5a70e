; SPDX-License-Identifier: MIT
;@ summary: INT n reaches its gate, and the saved RIP is behind it
%include "test.inc"
	expect_trap 0x40, none, int 0x40
	expect_trap BP_, none, int3
	pass
