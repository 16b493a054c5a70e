; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.2.2: COMMAND keeps the bits that the function has
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	cf_write16 1, P_COMMAND, 0xffff
	assert_cf16 1, P_COMMAND, 0x0546	; memory, master, parity, SERR#, INTx disable; no I/O
	cf_write16 1, P_COMMAND, 0
	assert_cf16 1, P_COMMAND, 0
	cf_write16 1, P_STATUS, 0xffff
	assert_cf16 1, P_STATUS, 0x0010	; capabilities, no interrupt
	pass
