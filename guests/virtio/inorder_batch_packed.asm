; SPDX-License-Identifier: MIT
;@ summary: 2.8.8: a batch has one used descriptor, with the last one's ID, at the first one's place
;@ device: virtio-rng,packed=1,in_order=1
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_IN_ORDER
	vp_desc	1, VQ_BUF + 0x100, 8, 11, VD_WRITE | VD_NEXT | VP_ROUND1
	vp_desc	2, VQ_BUF + 0x200, 8, 12, VD_WRITE | VP_ROUND1
	vp_desc	3, VQ_BUF + 0x300, 24, 13, VD_WRITE | VP_ROUND1
	vp_desc	0, VQ_BUF, 16, 10, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 24, 13, VD_WRITE | VP_AVAIL | VP_USED
	assert_vp_used 1, 8, 11, VD_WRITE | VD_NEXT | VP_ROUND1
	assert_vp_used 3, 24, 13, VD_WRITE | VP_ROUND1
	assert_filled VQ_BUF + 0x300, 24
	; entry 4 and, round the end, entry 0
	vp_desc	0, VQ_BUF, 8, 15, VD_WRITE | VP_ROUND2
	vp_desc	4, VQ_BUF, 8, 14, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 4, 8, 15, VD_WRITE | VP_AVAIL | VP_USED
	vp_desc	1, VQ_BUF, 8, 16, VD_WRITE | VP_ROUND2
	v_kick
	assert_vp_used 1, 8, 16, VD_WRITE
	pass
