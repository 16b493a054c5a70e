; SPDX-License-Identifier: MIT
;@ summary: four chains offered at once and one kick: all four are completed, over the ring's end too
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	mov	r12d, 4
.round:	v_desc	0, VQ_BUF, 1, VD_WRITE, 0
	v_desc	1, VQ_BUF + 16, 2, VD_WRITE, 0
	v_desc	2, VQ_BUF + 32, 3, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_offer	2
	v_kick
	dec	r12d
	jnz	.round
	assert_used_idx 12
	assert_used 9, 0, 1
	assert_used 10, 1, 2
	assert_used 11, 2, 3
	pass
