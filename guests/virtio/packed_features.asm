; SPDX-License-Identifier: MIT
;@ summary: 6: RING_PACKED is offered when asked for, and negotiated
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	v_write	V_DEV_FEAT_SEL, 1
	assert_v V_DEV_FEATURES, VF_HI_VERSION_1 | VF_HI_PACKED | VF_HI_RING_RESET
	vp_start 0
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
