; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.2: identity of host bridge and function by ports 0xcf8 and 0xcfc; virtio 4.1.2.1
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	assert_cf 0, P_VENDOR, 0x00081b36
	assert_cf 0, P_CLASS, 0x06000000
	assert_cf 1, P_VENDOR, 0x10441af4	; 0x1040 + 4, an entropy device
	assert_cf 1, P_CLASS, 0x00ff0001	; revision 1
	assert_cf 1, P_SUBSYSTEM, 0x11001af4
	assert_cf8 1, P_HEADER + 2, 0		; one function, header type 0
	assert_cf8 1, P_IRQ + 1, 1		; INTA#
	assert_cf8 1, P_IRQ, PCI_LINE15
	pass
