; SPDX-License-Identifier: MIT
;@ summary: LOCK ADD, XCHG, XADD and CMPXCHG work on a device
%include "test.inc"
	mov	ebx, TD + TDO_RMW
	mov	dword [rbx], 100
	lock add dword [rbx], 11
	assert_eq dword [rbx], 111
	mov	eax, 5
	xchg	eax, [rbx]
	assert_eq eax, 111
	assert_eq dword [rbx], 5
	mov	ecx, 3
	lock xadd [rbx], ecx
	assert_eq ecx, 5
	assert_eq dword [rbx], 8
	mov	eax, 8
	mov	ecx, 77
	lock cmpxchg [rbx], ecx
	assert_cc z
	assert_eq dword [rbx], 77
	mov	eax, 1
	lock cmpxchg [rbx], ecx
	assert_cc nz
	assert_eq eax, 77
	pass
