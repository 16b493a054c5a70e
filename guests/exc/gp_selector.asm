; SPDX-License-Identifier: MIT
;@ summary: loading a selector beyond the GDT is #GP with the selector as its error code
%include "test.inc"
	mov	eax, SEL_BEYOND
	expect_fault GP, SEL_BEYOND, mov ds, ax
	mov	eax, SEL_CODE64		; ES takes no execute-only code, SS no code at all
	expect_fault GP, SEL_CODE64, mov ss, ax
	mov	eax, SEL_NOT_PRESENT
	expect_fault NP, SEL_NOT_PRESENT, mov ds, ax
	pass
