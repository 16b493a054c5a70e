; SPDX-License-Identifier: MIT
;@ summary: each read-modify-write instruction on a device is one read and one write
%include "test.inc"
RMW	equ TD + TDO_RMW
%macro counted 1+.nolist
	mov	esi, TD + TDO_RMW_READS
	mov	dword [rsi], 0
	mov	dword [rsi + 4], 0
	%1
	rt_assert e, dword [rsi], 1
	rt_assert e, dword [rsi + 4], 1
%endmacro
	mov	ebx, RMW
	mov	dword [rbx], 10
	counted	add dword [rbx], 5
	assert_eq dword [rbx], 15
	counted	sub dword [rbx], 1
	assert_eq dword [rbx], 14
	counted	inc dword [rbx]
	counted	dec dword [rbx]
	counted	or byte [rbx], 1
	assert_eq dword [rbx], 15
	counted	and word [rbx], 12
	counted	xor dword [rbx], 0xff
	assert_eq dword [rbx], 0xf3
	counted	not dword [rbx]
	assert_eq dword [rbx], 0xffffff0c
	counted	neg dword [rbx]
	assert_eq dword [rbx], 0xf4
	counted	shl dword [rbx], 4
	assert_eq dword [rbx], 0xf40
	counted	bts dword [rbx], 0
	assert_eq dword [rbx], 0xf41
	pass
