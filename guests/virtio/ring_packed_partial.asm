; SPDX-License-Identifier: MIT
;@ summary: 2.8.17: a list whose first entry is available before the rest is taken as it stands
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VD_NEXT | VP_ROUND1
	v_kick					; entry 1 is all zero: readable, empty, the end, ID 0
	assert_vp_used 0, 0, 0, VP_AVAIL | VP_USED	; and out of order
	; entry 2 is next
	vp_desc	2, VQ_BUF, 8, 5, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 2, 8, 5, VD_WRITE | VP_AVAIL | VP_USED
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
