; SPDX-License-Identifier: MIT
;@ summary: virtio 2.2: the device offers VERSION_1, indirect descriptors and the event index, by pages of 32
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	and	eax, VF_INDIRECT | VF_EVENT_IDX
	assert_eq eax, VF_INDIRECT | VF_EVENT_IDX
	v_write	V_DEV_FEAT_SEL, 1
	v_read	V_DEV_FEATURES
	assert_set eax, VF_HI_VERSION_1
	v_write	V_DEV_FEAT_SEL, 2
	assert_v V_DEV_FEATURES, 0
	v_write	V_DEV_FEAT_SEL, 0xffffffff
	assert_v V_DEV_FEATURES, 0
	pass
