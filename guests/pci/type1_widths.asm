; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 3.2.2.3.2: CONFIG_DATA at every byte and width gives the register's bytes
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	assert_cf16 1, P_VENDOR, 0x1af4
	assert_cf16 1, P_VENDOR + 2, 0x1044
	assert_cf8 1, P_VENDOR, 0xf4
	assert_cf8 1, P_VENDOR + 1, 0x1a
	assert_cf8 1, P_VENDOR + 2, 0x44
	assert_cf8 1, P_VENDOR + 3, 0x10
	outl	PCI_ADDRESS, PCI_AT(1, P_VENDOR)
	inw	PCI_DATA + 1		; bytes 1 and 2
	assert_eq ax, 0x441a
	pass
