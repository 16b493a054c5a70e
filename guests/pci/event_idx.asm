; SPDX-License-Identifier: MIT
;@ summary: virtio 2.7.7.2: used_event decides whether a message is sent
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	msix_entry 0, 0x63, 1
	msix_control 1, MSIX_ON
	p_features VF_EVENT_IDX
	p_queue	VQ_NUM
	p_write16 C_VECTOR, 0
	p_driver_ok
	mov	word [VQ_AVAIL + 4 + VQ_NUM * 2], 1	; wanted after the second
	p_rng
	assert_used_idx 1
	assert_pending 0
	v_offer	0
	v_kick
	assert_used_idx 2
	assert_pending 1
	pass
