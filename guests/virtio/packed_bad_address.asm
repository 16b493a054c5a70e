; SPDX-License-Identifier: MIT
;@ summary: 2.8: a list with a buffer outside RAM is given back empty, whole, and the queue goes on
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0
	vp_desc	1, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	vp_desc	0, 1 << 40, 8, 2, VD_WRITE | VD_NEXT | VP_ROUND1
	v_kick
	assert_eq word [VQ_DESC + 12], 2
	assert_eq word [VQ_DESC + 14], VP_AVAIL | VP_USED	; nothing was stored
	assert_zeroes VQ_BUF, 8
	vp_desc	2, VQ_BUF, 8, 3, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 2, 8, 3, VD_WRITE | VP_AVAIL | VP_USED
	pass
