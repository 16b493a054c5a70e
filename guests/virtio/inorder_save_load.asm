; SPDX-License-Identifier: MIT
;@ summary: 2.7.9: requests in flight are part of a snapshot, and their order is
;@ device: virtio-rng,in_order=1,delay=20000
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_IN_ORDER
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_desc	1, VQ_BUF + 0x100, 16, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_kick
	hostop	OP_SAVE_LOAD
	assert_used_idx 0
	v_wait_us 40
	hostop	OP_SAVE_LOAD
	assert_used_idx 2
	assert_v V_INT_STATUS, 1
	; one batch, or two
	mov	eax, [VQ_USED + 4]
	cmp	eax, 1
	je	.one
	assert_used 0, 0, 8
	assert_used 1, 1, 16
	pass
.one:	assert_used 0, 1, 16
	pass
