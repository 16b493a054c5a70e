; SPDX-License-Identifier: MIT
;@ summary: LAR, LSL, VERR and VERW say what a selector is by ZF and raise nothing
;@ needs: kvm-lar-cpl0
%include "test.inc"
%macro no 2.nolist		; INSN SELECTOR: ZF is clear, the register stays
	mov	ecx, %2
	mov	eax, 0x55aa
	%1	eax, ecx
	assert_cc nz
	assert_eq eax, 0x55aa
%endmacro
%macro ask 3.nolist		; VERR/VERW SELECTOR CONDITION
	mov	ecx, %2
	%1	cx
	assert_cc %3
%endmacro
	mov	ecx, SEL_CODE64
	lar	eax, ecx
	assert_cc z
	and	eax, ~0xf0000		; undefined
	assert_eq eax, 0x00a09b00
	mov	ecx, SEL_DATA
	lsl	eax, ecx
	assert_cc z
	assert_eq eax, 0xffffffff	; by pages
	mov	ecx, SEL_TSS
	lar	eax, ecx
	assert_cc z
	assert_eq eax, 0x8b00		; busy
	lsl	eax, ecx
	assert_cc z
	assert_eq eax, 103
	mov	ecx, SEL_CODE16
	lsl	eax, ecx
	assert_cc z
	assert_eq eax, 0xffff
	mov	ecx, SEL_NOT_PRESENT	; P is no concern of theirs
	lar	eax, ecx
	assert_cc z
	no lar, 0
	no lsl, 3
	no lar, SEL_BEYOND
	no lsl, SEL_BEYOND
	no lar, SEL_DATA | 4		; there is no LDT
	no lar, SEL_TSS + 8		; the upper half of the TSS's
	no lsl, SEL_CODE64 | 3		; RPL 3 for DPL 0
	ask verr, SEL_CODE64, z
	ask verw, SEL_CODE64, nz
	ask verw, SEL_DATA, z
	ask verr, SEL_DATA | 1, nz
	ask verw, SEL_USER_DATA, z
	ask verr, 0, nz
	ask verr, SEL_TSS, nz
	ask verr, SEL_BEYOND, nz
	user_run .user
	assert_eq byte [exc_vector], GP
	assert_eq r15, 3
	pass
.user:	xor	r15d, r15d
	mov	ecx, SEL_DATA		; at CPL 3 DPL 0 is not seen
	lar	eax, ecx
	jz	.out
	inc	r15d
	verr	cx
	jz	.out
	inc	r15d
	mov	ecx, SEL_USER_DATA
	verw	cx
	jnz	.out
	inc	r15d
.out:	user_done
