; SPDX-License-Identifier: MIT
;@ summary: a snapshot keeps BARs, MSI-X and the queue: save and load change nothing
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	cf_write 1, P_BAR4, PCI_FREE
	mov	eax, PCI_FREE
	mov	[P_REGS], rax
	msix_entry 0, 0x63, 1
	msix_control 1, MSIX_ON
	p_features 0
	p_queue	VQ_NUM
	p_write16 C_VECTOR, 0
	p_driver_ok
	p_rng
	assert_pending 1
	hostop	OP_SAVE_LOAD
	assert_eq rax, 0
	assert_pending 1
	assert_p16 C_VECTOR, 0
	v_offer	0
	v_kick
	assert_used_idx 2
	assert_cf 1, P_BAR4, PCI_FREE | 4
	pass
