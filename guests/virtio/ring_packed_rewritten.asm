; SPDX-License-Identifier: MIT
;@ summary: 2.8.16: an entry that the driver changes while it is in flight: what was read at first counts
;@ device: virtio-rng,packed=1,delay=20000
%include "test.inc"
%include "packed.inc"
	vp_start 0
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	vp_desc	0, NO_RAM, 99, 77, VD_INDIRECT | VD_NEXT | VP_ROUND2
	v_wait_us 40
	assert_vp_used 0, 8, 1, VD_WRITE | VP_AVAIL | VP_USED
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
