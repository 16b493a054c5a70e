; SPDX-License-Identifier: MIT
;@ summary: CMP, TEST, BT and MOVZX read the device once and never write
%include "test.inc"
	mov	ebx, TD + TDO_RMW
	mov	dword [rbx], 0x80
	mov	esi, TD + TDO_RMW_READS
	mov	dword [rsi], 0
	mov	dword [rsi + 4], 0
	cmp	dword [rbx], 0x80
	assert_cc e
	test	byte [rbx], 0x80
	assert_cc nz
	movzx	eax, byte [rbx]
	assert_eq eax, 0x80
	movsx	eax, byte [rbx]
	assert_eq eax, 0xffffff80
	bt	dword [rbx], 7
	assert_cc c
	assert_eq dword [rsi], 5
	assert_eq dword [rsi + 4], 0
	pass
