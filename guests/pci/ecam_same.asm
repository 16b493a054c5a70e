; SPDX-License-Identifier: MIT
;@ summary: ECAM and CONFIG_DATA show the same 256 bytes
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	xor	r9d, r9d
.next:	mov	eax, PCI_AT(1, 0)
	or	eax, r9d
	mov	dx, PCI_ADDRESS
	out	dx, eax
	mov	dx, PCI_DATA
	in	eax, dx
	mov	ebx, ECAM(1, 0)
	assert_eq eax, dword [rbx + r9]
	add	r9d, 4
	cmp	r9d, 0x100
	jb	.next
	ec_write 1, P_IRQ, 0x55
	assert_cf8 1, P_IRQ, 0x55
	pass
