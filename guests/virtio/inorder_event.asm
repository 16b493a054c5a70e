; SPDX-License-Identifier: MIT
;@ summary: 2.7.7.2: used_event inside of a batch raises the interrupt; beyond it does not
;@ device: virtio-rng,in_order=1
%include "test.inc"
%include "virtio.inc"
	v_start	VF_EVENT_IDX, VF_HI_IN_ORDER
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_desc	1, VQ_BUF, 8, VD_WRITE, 0
	v_desc	2, VQ_BUF, 8, VD_WRITE, 0
	mov	word [VQ_AVAIL + 4 + VQ_NUM * 2], 3
	v_offer	0
	v_offer	1
	v_offer	2
	v_kick
	assert_used_idx 3
	assert_v V_INT_STATUS, 0
	mov	word [VQ_AVAIL + 4 + VQ_NUM * 2], 4
	v_offer	0
	v_offer	1
	v_offer	2
	v_kick
	assert_used_idx 6
	assert_v V_INT_STATUS, 1
	pass
