; SPDX-License-Identifier: MIT
;@ summary: 2.9: on a packed ring notification data is the next entry and its round
;@ device: virtio-rng,packed=1,notify_data=1
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_NOTIFY_DATA
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	vp_desc	1, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	v_write	V_QUEUE_NOTIFY, (2 | VP_WRAP) << 16
	assert_vp_used 1, 8, 2, VD_WRITE | VP_AVAIL | VP_USED
	vp_desc	2, VQ_BUF, 8, 3, VD_WRITE | VP_ROUND1
	vp_desc	3, VQ_BUF, 8, 4, VD_WRITE | VP_ROUND1
	vp_desc	4, VQ_BUF, 8, 5, VD_WRITE | VP_ROUND1
	v_write	V_QUEUE_NOTIFY, 0		; entry 0 of round 2
	assert_vp_used 4, 8, 5, VD_WRITE | VP_AVAIL | VP_USED
	vp_desc	0, VQ_BUF, 8, 6, VD_WRITE | VP_ROUND2
	v_write	V_QUEUE_NOTIFY, 1 << 16
	assert_vp_used 0, 8, 6, VD_WRITE
	pass
