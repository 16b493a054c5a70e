; SPDX-License-Identifier: MIT
;@ summary: 5.5.2, 5.5.4: five queues; actual is the driver's to write, num_pages is not
;@ device: virtio-balloon,target=77
%include "test.inc"
%include "balloon.inc"
	assert_v V_DEVICE_ID, V_ID_BALLOON
	assert_v BLC_NUM_PAGES, 77
	assert_v BLC_ACTUAL, 0
	v_write	BLC_ACTUAL, 12
	assert_v BLC_ACTUAL, 12
	v_write	BLC_NUM_PAGES, 1
	assert_v BLC_NUM_PAGES, 77
	v_write	BLC_CMD, 9
	assert_v BLC_CMD, 0
	v_write	V_QUEUE_SEL, 4
	v_read	V_QUEUE_NUM_MAX
	assert_above eax, 0
	v_write	V_QUEUE_SEL, 5
	assert_v V_QUEUE_NUM_MAX, 0
	pass
