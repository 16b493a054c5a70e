; SPDX-License-Identifier: MIT
;@ summary: 2.7.13.3: an available index that jumps by more than the queue's size breaks it
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	mov	word [VQ_AVAIL + 2], VQ_NUM + 1
	v_kick
	assert_used_idx 0
	v_read	V_STATUS
	assert_set eax, VS_NEEDS_RESET
	pass
