; SPDX-License-Identifier: MIT
;@ summary: REP INSD takes the elements in order, one read each: no value is lost or read twice
%include "test.inc"
	mov	ebx, TD + TDO_NEXT
	mov	dword [rbx], 0
	outw	TD_PIO_INDEX, TDO_NEXT	; each read of the data port gives the next number
	mov	edi, SCRATCH + 4096 - 512	; over a page's end too
	mov	ecx, 2048
	mov	dx, TD_PIO_DATA
	rep	insd
	assert_eq rdi, SCRATCH + 4096 - 512 + 8192
	mov	esi, SCRATCH + 4096 - 512
	xor	ecx, ecx
.next:	lodsd
	assert_eq eax, ecx
	inc	ecx
	cmp	ecx, 2048
	jne	.next
	inl	TD_PIO_DATA
	assert_eq eax, 2048
	pass
