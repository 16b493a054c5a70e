; SPDX-License-Identifier: MIT
;@ summary: virtio 3.1.1: features written after FEATURES_OK change nothing
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_features 0
	v_write	V_DRV_FEAT_SEL, 0
	v_write	V_DRV_FEATURES, VF_INDIRECT
	v_queue	VQ_NUM
	v_write	V_STATUS, 15
	; an indirect descriptor is now a malformed chain: not negotiated
	v_desc_at VQ_TABLE, 0, VQ_BUF, 64, VD_WRITE, 0
	v_desc	0, VQ_TABLE, 16, VD_INDIRECT, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 0
	assert_zeroes VQ_BUF, 64
	pass
