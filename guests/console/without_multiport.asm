; SPDX-License-Identifier: MIT
;@ summary: 5.3.2: control queues ring for nothing without MULTIPORT
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	0, 6
	con_give 2
	mov	qword [CON_CTX], 0
	mov	word [CON_CTX + 6], 1
	q_offer	CQ_CTX, CON_CTX, CON_MSG, 0
	q_kick	CQ_CTX
	assert_q_used CQ_CTX, 0
	con_silent
	con_word 'port 0 !'
	con_room CQ_RX, 64
	con_send CQ_TX, 8
	assert_q_used CQ_RX, 8
	assert_v V_STATUS, 15
	pass
