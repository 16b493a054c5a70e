; SPDX-License-Identifier: MIT
;@ summary: UD2 is #UD in 32-bit code, through an interrupt gate
;@ mode: prot
%include "test.inc"
	expect_fault UD, none, ud2
	assert_eq dword [exc_cs], SEL_CODE32
	pass
