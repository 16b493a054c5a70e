; SPDX-License-Identifier: MIT
;@ summary: 2.7.7: VIRTQ_AVAIL_F_NO_INTERRUPT keeps the used-buffer interrupt away
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	mov	word [VQ_AVAIL], 1
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_v V_INT_STATUS, 0
	mov	word [VQ_AVAIL], 0
	v_offer	0
	v_kick
	assert_v V_INT_STATUS, 1
	pass
