; SPDX-License-Identifier: MIT
;@ summary: EFER shows long mode active, and refuses reserved bits
%include "test.inc"
	read_msr MSR_EFER
	and	eax, 0xd00
	assert_eq eax, 0xd00		; NXE, LMA, LME
	read_msr MSR_EFER
	mov	ebx, eax
	or	eax, 1 << 1		; reserved
	expect_fault GP, 0, wrmsr
	read_msr MSR_EFER
	assert_eq eax, ebx
	pass
