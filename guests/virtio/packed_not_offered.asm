; SPDX-License-Identifier: MIT
;@ summary: 6: a device that does not offer the packed ring refuses it
;@ device: virtio-rng
%include "test.inc"
%include "packed.inc"
	v_write	V_DEV_FEAT_SEL, 1
	assert_v V_DEV_FEATURES, VF_HI_VERSION_1 | VF_HI_RING_RESET
	v_write	V_STATUS, VS_ACKNOWLEDGE
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	v_write	V_DRV_FEAT_SEL, 1
	v_write	V_DRV_FEATURES, VF_HI_VERSION_1 | VF_HI_PACKED
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK
	v_read	V_STATUS
	assert_clear eax, VS_FEATURES_OK
	pass
