; SPDX-License-Identifier: MIT
;@ summary: 4.2.2.2: input waits while the driver has taken the queue back
;@ device: virtio-console
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	con_room CQ_RX, 64
	v_write	V_QUEUE_SEL, CQ_RX
	v_write	V_QUEUE_READY, 0
	con_word 'waiting!'
	con_send CQ_TX, 8
	assert_q_none CQ_RX
	mov	dword [q_next], 0
	mov	dword [Q_BASE + Q_AVAIL], 0
	q_setup	CQ_RX
	con_room CQ_RX, 64
	assert_q_used CQ_RX, 8
	pass
