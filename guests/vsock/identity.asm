; SPDX-License-Identifier: MIT
;@ summary: 5.10.2, 5.10.4: three queues, and the guest's CID is all of the configuration
;@ device: virtio-vsock,cid=0x1234567
%include "test.inc"
%include "vsock.inc"
	assert_v V_DEVICE_ID, V_ID_VSOCK
	assert_v V_CONFIG, 0x1234567
	assert_v V_CONFIG + 4, 0
	v_write	V_CONFIG, 9			; not the driver's to write
	assert_v V_CONFIG, 0x1234567
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	assert_set eax, 1			; 5.10.3: STREAM
	v_write	V_QUEUE_SEL, 2
	v_read	V_QUEUE_NUM_MAX
	assert_above eax, 0
	v_write	V_QUEUE_SEL, 3
	assert_v V_QUEUE_NUM_MAX, 0
	pass
