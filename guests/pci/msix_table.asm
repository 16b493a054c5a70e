; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.8.2: entries are written as 4 or 8 bytes, aligned; masked after reset; reserved bits 0
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	mov	rbx, [P_MSIX]
	assert_eq dword [rbx + 12], 1
	assert_eq dword [rbx + 28], 1
	assert_eq dword [rbx + 32], 0		; behind the last
	mov	rax, 0x11223344fee00fff
	mov	[rbx], rax
	assert_eq dword [rbx], 0xfee00ffc
	assert_eq dword [rbx + 4], 0x11223344
	mov	dword [rbx + 12], NOTHING
	assert_eq dword [rbx + 12], 1
	mov	byte [rbx + 8], 0x55
	mov	word [rbx + 8], 0x5555
	mov	dword [rbx + 9], NOTHING
	assert_eq dword [rbx + 8], 0
	mov	dword [rbx + 8], 0x4321
	assert_eq word [rbx + 8], 0x4321
	assert_eq byte [rbx + 9], 0x43
	mov	dword [rbx + MSIX_PBA], NOTHING	; read-only
	assert_eq dword [rbx + MSIX_PBA], 0
	mov	dword [rbx + 32], NOTHING
	assert_eq dword [rbx + 32], 0
	assert_eq dword [rbx + 0xffc], 0
	pass
