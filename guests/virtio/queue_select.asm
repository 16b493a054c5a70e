; SPDX-License-Identifier: MIT
;@ summary: a queue that does not exist has QueueNumMax 0 and never becomes ready
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_features 0
	v_write	V_QUEUE_SEL, 0
	v_read	V_QUEUE_NUM_MAX
	assert_above eax, VQ_NUM - 1
	v_write	V_QUEUE_SEL, 1
	assert_v V_QUEUE_NUM_MAX, 0
	v_write	V_QUEUE_NUM, 8
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 0
	v_write	V_QUEUE_SEL, 0xffffffff
	assert_v V_QUEUE_NUM_MAX, 0
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 0
	pass
