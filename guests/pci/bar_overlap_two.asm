; SPDX-License-Identifier: MIT
;@ summary: two functions at one place: the first to come decodes; when it goes the other does
;@ device: virtio-rng-pci
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	2
	p_find	1
	cf_write 1, P_BAR4, PCI_FREE
	cf_write 2, P_BAR4, PCI_FREE
	mov	eax, PCI_FREE
	mov	[P_REGS], rax
	p_write8 C_STATUS, 1			; the first one's
	cf_write 1, P_BAR4, PCI_FREE + 0x10000
	assert_p8 C_STATUS, 0			; the second one's
	p_write8 C_STATUS, 3
	mov	eax, PCI_FREE + 0x10000
	mov	[P_REGS], rax
	assert_p8 C_STATUS, 1
	pass
