; SPDX-License-Identifier: MIT
;@ summary: INT n in real mode for a vector below 0x80
;@ mode: real
%include "test.inc"
	expect_trap 0x21, none, int 0x21
	pass
