; SPDX-License-Identifier: MIT
;@ summary: virtio 2.2.2: FEATURES_OK does not stick for a feature that was not offered, nor without VERSION_1
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	v_write	V_DRV_FEAT_SEL, 0
	v_write	V_DRV_FEATURES, 1 << 27	; not offered
	v_write	V_DRV_FEAT_SEL, 1
	v_write	V_DRV_FEATURES, VF_HI_VERSION_1
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK
	v_read	V_STATUS
	assert_clear eax, VS_FEATURES_OK
	v_write	V_STATUS, 0
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	v_write	V_DRV_FEAT_SEL, 0
	v_write	V_DRV_FEATURES, 0
	v_write	V_DRV_FEAT_SEL, 1
	v_write	V_DRV_FEATURES, 0	; a legacy driver
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK
	v_read	V_STATUS
	assert_clear eax, VS_FEATURES_OK
	pass
