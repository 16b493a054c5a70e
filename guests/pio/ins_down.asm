; SPDX-License-Identifier: MIT
;@ summary: REP INSD with DF = 1 stores downwards, one element at a time
%include "test.inc"
	mov	ebx, TD + TDO_NEXT
	mov	dword [rbx], 100
	outw	TD_PIO_INDEX, TDO_NEXT
	std
	mov	edi, SCRATCH + 4096 + 4
	mov	ecx, 4
	mov	dx, TD_PIO_DATA
	rep	insd
	cld
	assert_eq rdi, SCRATCH + 4096 - 12
	assert_eq dword [SCRATCH + 4096 + 4], 100
	assert_eq dword [SCRATCH + 4096], 101
	assert_eq dword [SCRATCH + 4096 - 4], 102
	assert_eq dword [SCRATCH + 4096 - 8], 103
	pass
