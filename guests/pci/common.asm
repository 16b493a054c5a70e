; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3: a fresh device's common configuration
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	assert_p C_DEV_SEL, 0
	p_write	C_DEV_SEL, 1
	p_read	C_DEV_FEATURES
	assert_set eax, VF_HI_VERSION_1
	p_write	C_DEV_SEL, 2			; no feature above 63
	assert_p C_DEV_FEATURES, 0
	p_write	C_DEV_SEL, 0
	p_read	C_DEV_FEATURES
	assert_set eax, VF_INDIRECT | VF_EVENT_IDX
	assert_p16 C_NUM_QUEUES, 1
	assert_p8 C_STATUS, 0
	assert_p16 C_QUEUE, 0
	assert_p16 C_SIZE, 256
	assert_p16 C_ENABLE, 0
	assert_p16 C_NOTIFY_OFF, 0
	assert_p C_DESC, 0
	assert_p16 0x38, 0			; queue_notify_data: not offered
	assert_p16 C_RESET, 0
	pass
