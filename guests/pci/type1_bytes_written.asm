; SPDX-License-Identifier: MIT
;@ summary: byte enables: a write of 8 or 16 bits changes its own bytes only
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	cf_write8 1, P_IRQ, 0x12
	assert_cf 1, P_IRQ, 0x0112
	cf_write8 1, P_IRQ + 1, 0x34		; the pin cannot be written
	assert_cf 1, P_IRQ, 0x0112
	cf_write 1, P_BAR1, 0
	cf_write8 1, P_BAR1 + 3, 0xab
	assert_cf 1, P_BAR1, 0xab000000
	cf_write8 1, P_BAR1 + 1, 0xcd		; bits 12 to 15 are the BAR's
	assert_cf 1, P_BAR1, 0xab00c000
	cf_write16 1, P_BAR1 + 2, 0x1234
	assert_cf 1, P_BAR1, 0x1234c000
	outl	PCI_ADDRESS, PCI_AT(1, P_BAR1)
	outw	PCI_DATA + 1, 0x5678		; bytes 1 and 2
	assert_cf 1, P_BAR1, 0x12567000
	pass
