; SPDX-License-Identifier: MIT
;@ summary: 5.3.2: two queues without MULTIPORT, two and two a port with it
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	v_write	V_QUEUE_SEL, CQ_TX1
	assert_v V_QUEUE_NUM_MAX, 128
	v_write	V_QUEUE_SEL, 6
	assert_v V_QUEUE_NUM_MAX, 0
	pass
