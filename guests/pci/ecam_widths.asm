; SPDX-License-Identifier: MIT
;@ summary: ECAM takes 1, 2, 4 and 8 bytes, aligned or not
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	mov	ebx, ECAM(1, 0)
	assert_eq byte [rbx + 1], 0x1a
	assert_eq word [rbx + 2], 0x1044
	assert_eq dword [rbx], 0x10441af4
	mov	rax, [rbx + 0x2c]
	assert_eq eax, 0x11001af4
	shr	rax, 32
	assert_eq eax, 0			; no ROM
	assert_eq word [rbx + 1], 0x441a
	mov	eax, [rbx + P_CLASS - 3]	; the end of COMMAND, STATUS, revision
	assert_eq eax, 0x01001000
	mov	byte [rbx + P_IRQ], 0x21
	mov	word [rbx + P_BAR1 + 2], 0xf900
	assert_cf8 1, P_IRQ, 0x21
	cf_read	1, P_BAR1
	and	eax, 0xffff0000
	assert_eq eax, 0xf9000000
	mov	rax, 0x12345678fc000000
	mov	[rbx + P_BAR4], rax
	assert_cf 1, P_BAR4, 0xfc000004
	assert_cf 1, P_BAR5, 0x12345678
	pass
