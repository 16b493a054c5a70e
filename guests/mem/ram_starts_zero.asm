; SPDX-License-Identifier: MIT
;@ summary: RAM beyond the image is zero at the start
%include "test.inc"
	mov	edi, SCRATCH
	mov	ecx, 0x10000 / 8
	xor	eax, eax
	repe	scasq
	assert_cc e
	assert_eq qword [16 * 1024 * 1024 - 8], 0
	pass
