; SPDX-License-Identifier: MIT
;@ summary: 2.7.7, 5.3.6: received data raises the interrupt
;@ device: virtio-console
;@ chr: buf:ok
%include "test.inc"
%include "console.inc"
	v_write	V_INT_ACK, 3
	q_start	0, 2
	con_room CQ_RX, 64
	assert_v V_INT_STATUS, 1
	assert_q_used CQ_RX, 2
	v_write	V_INT_ACK, 1
	assert_v V_INT_STATUS, 0
	pass
