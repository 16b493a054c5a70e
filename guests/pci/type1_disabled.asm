; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 3.2.2.3.2: without the enable bit CONFIG_DATA reaches nothing
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	outl	PCI_ADDRESS, PCI_AT(1, P_IRQ) & 0x7fffffff
	inl	PCI_DATA
	assert_eq eax, NOTHING
	outb	PCI_DATA, 0x77
	assert_cf8 1, P_IRQ, PCI_LINE15
	pass
