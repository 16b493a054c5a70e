; SPDX-License-Identifier: MIT
;@ summary: 2.2.1: IN_ORDER and NOTIFICATION_DATA that were not offered are not agreed on
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_write	V_DEV_FEAT_SEL, 1
	v_read	V_DEV_FEATURES
	assert_clear eax, VF_HI_IN_ORDER | VF_HI_NOTIFY_DATA
	mov	r12d, VF_HI_IN_ORDER
.try:	v_write	V_STATUS, 0
	v_write	V_STATUS, VS_ACKNOWLEDGE
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	v_write	V_DRV_FEAT_SEL, 1
	mov	edx, r12d
	or	edx, VF_HI_VERSION_1
	v_write	V_DRV_FEATURES, edx
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER
	shl	r12d, 3
	cmp	r12d, VF_HI_NOTIFY_DATA
	je	.try
	pass
