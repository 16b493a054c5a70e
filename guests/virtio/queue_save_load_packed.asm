; SPDX-License-Identifier: MIT
;@ summary: 2.8.6: the same on a packed ring, with a doorbell that is to be answered when it is saved
;@ device: virtio-rng,packed=1,start=10000,delay=20000
%include "test.inc"
%include "packed.inc"
	vp_start 0
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	hostop	OP_SAVE_LOAD
	vp_desc	1, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	v_kick
	v_wait_us 60
	hostop	OP_SAVE_LOAD
	mov	ax, [VQ_DESC + 12]
	add	ax, [VQ_DESC + 16 + 12]
	assert_eq ax, 3				; 1 and 2
	assert_eq word [VQ_DESC + 14], VD_WRITE | VP_AVAIL | VP_USED
	assert_eq word [VQ_DESC + 16 + 14], VD_WRITE | VP_AVAIL | VP_USED
	vp_desc	2, VQ_BUF, 8, 9, VD_WRITE | VP_ROUND1
	v_kick
	v_wait_us 60
	assert_vp_used 2, 8, 9, VD_WRITE | VP_AVAIL | VP_USED
	pass
