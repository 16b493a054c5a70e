; SPDX-License-Identifier: MIT
;@ summary: 2.9: data that is not where the driver is does no harm: the queue is served all the same
;@ device: virtio-rng,notify_data=1
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_NOTIFY_DATA
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 0
	assert_used_idx 1
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 1 << 16		; the one before
	assert_used_idx 2
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 0xffff << 16
	assert_used_idx 3
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 0x8004 << 16	; right but for its top
	assert_used_idx 4
	v_write	V_QUEUE_NOTIFY, 5 << 16		; one that there is not
	assert_used_idx 4
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
