; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.2.5.1: all ones written to a BAR show its size and kind
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	cf_write16 1, P_COMMAND, 0
	cf_write 1, P_BAR0, NOTHING
	assert_cf 1, P_BAR0, 0
	cf_write 1, P_BAR1, NOTHING
	assert_cf 1, P_BAR1, 0xfffff000		; 4 KiB, 32 bits
	cf_write 1, P_BAR4, NOTHING
	cf_write 1, P_BAR5, NOTHING
	assert_cf 1, P_BAR4, 0xffffc004		; 16 KiB, 64 bits
	assert_cf 1, P_BAR5, NOTHING
	cf_write 1, 0x30, NOTHING		; no ROM
	assert_cf 1, 0x30, 0
	pass
