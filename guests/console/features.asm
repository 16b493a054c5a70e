; SPDX-License-Identifier: MIT
;@ summary: 5.3.3: SIZE and EMERG_WRITE always, MULTIPORT with more than one port
;@ device: virtio-console
;@ chr: loop
%include "test.inc"
%include "console.inc"
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	and	eax, 7
	assert_eq eax, CF_SIZE | CF_EMERG
	; MULTIPORT was not offered: FEATURES_OK does not stick
	v_write	V_STATUS, VS_ACKNOWLEDGE
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	v_write	V_DRV_FEAT_SEL, 0
	v_write	V_DRV_FEATURES, CF_MULTIPORT
	v_write	V_DRV_FEAT_SEL, 1
	v_write	V_DRV_FEATURES, VF_HI_VERSION_1
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK
	v_read	V_STATUS
	assert_eq eax, VS_ACKNOWLEDGE | VS_DRIVER
	pass
