; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 3.2.2.3.2: CONFIG_ADDRESS is written and read as 32 bits only, reserved bits are 0
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	outl	PCI_ADDRESS, 0xffffffff
	inl	PCI_ADDRESS
	assert_eq eax, 0x80fffffc
	outl	PCI_ADDRESS, PCI_AT(1, P_VENDOR)
	outb	PCI_ADDRESS, 0x40
	outb	PCI_ADDRESS + 1, 0x40
	outw	PCI_ADDRESS, 0x4040
	outb	PCI_ADDRESS + 3, 1
	inl	PCI_ADDRESS
	assert_eq eax, PCI_AT(1, P_VENDOR)
	inb	PCI_ADDRESS
	assert_eq al, 0xff
	inw	PCI_ADDRESS + 2
	assert_eq ax, 0xffff
	inl	PCI_DATA
	assert_eq eax, 0x10441af4
	pass
