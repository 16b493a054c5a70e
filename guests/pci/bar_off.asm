; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.2.2: with memory decoding off no BAR decodes
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	assert_p16 C_NUM_QUEUES, 1
	cf_write16 1, P_COMMAND, PC_MASTER
	assert_p C_DEV_SEL, NOTHING
	mov	rbx, [P_MSIX]
	assert_eq dword [rbx], NOTHING
	p_write8 C_STATUS, 1
	cf_write16 1, P_COMMAND, PC_MEMORY
	assert_p8 C_STATUS, 0
	assert_p16 C_NUM_QUEUES, 1
	pass
