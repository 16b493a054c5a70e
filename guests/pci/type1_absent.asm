; SPDX-License-Identifier: MIT
;@ summary: what is not there reads all ones: devices, functions above 0, buses above 0
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	assert_cf 2, P_VENDOR, NOTHING
	assert_cf 31, P_VENDOR, NOTHING
	assert_cf16 31, P_COMMAND, 0xffff
	outl	PCI_ADDRESS, PCI_AT(1, P_VENDOR) | 1 << 8	; function 1
	inl	PCI_DATA
	assert_eq eax, NOTHING
	outl	PCI_ADDRESS, PCI_AT(1, P_VENDOR) | 1 << 16	; bus 1
	inl	PCI_DATA
	assert_eq eax, NOTHING
	outl	PCI_ADDRESS, PCI_AT(0, P_VENDOR) | 7 << 8	; the bridge has one function too
	inl	PCI_DATA
	assert_eq eax, NOTHING
	cf_write 2, P_COMMAND, NOTHING
	assert_cf 2, P_COMMAND, NOTHING
	pass
