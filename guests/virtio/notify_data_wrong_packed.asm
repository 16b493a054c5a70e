; SPDX-License-Identifier: MIT
;@ summary: 2.9: on a packed ring, too, wrong data does no harm: another entry, none, the wrong round
;@ device: virtio-rng,packed=1,notify_data=1
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_NOTIFY_DATA
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_write	V_QUEUE_NOTIFY, (3 | VP_WRAP) << 16
	assert_vp_used 0, 8, 1, VD_WRITE | VP_AVAIL | VP_USED
	vp_desc	1, VQ_BUF, 8, 2, VD_WRITE | VP_ROUND1
	v_write	V_QUEUE_NOTIFY, 2 << 16
	assert_vp_used 1, 8, 2, VD_WRITE | VP_AVAIL | VP_USED
	vp_desc	2, VQ_BUF, 8, 3, VD_WRITE | VP_ROUND1
	v_write	V_QUEUE_NOTIFY, 0x7fff << 16
	assert_vp_used 2, 8, 3, VD_WRITE | VP_AVAIL | VP_USED
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
