; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4: the list has common, ISR, notify, configuration access, MSI-X, each within the BAR
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	vcap_find 1, VC_COMMON
	assert_ne ecx, 0
	assert_cap 1, 4, 4			; BAR 4
	assert_cap 1, 8, 0
	assert_cap 1, 12, 0x3c
	vcap_find 1, VC_ISR
	assert_cap 1, 8, R_ISR
	vcap_find 1, VC_NOTIFY
	assert_cap 1, 8, R_NOTIFY
	assert_cap 1, 12, 4
	assert_cap 1, 16, 4			; the multiplier
	cap_read 1, 0
	shr	eax, 16
	assert_eq al, 20			; with it
	vcap_find 1, VC_DEVICE
	assert_eq ecx, 0			; an entropy device has no configuration
	vcap_find 1, VC_PCI_CFG
	cap_read 1, 0
	shr	eax, 16
	assert_eq al, 20
	cap_find 1, CAP_MSIX
	cap_read 1, 0
	shr	eax, 16
	assert_eq ax, 1				; two vectors, off
	assert_cap 1, 4, 1			; BAR 1
	assert_cap 1, 8, 0x801
	pass
