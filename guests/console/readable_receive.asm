; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.1: a readable buffer in the receive queue takes nothing, and the input is not lost
;@ device: virtio-console
;@ chr: buf:ok
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	mov	dword [CON_RX], 'zzzz'
	q_offer	CQ_RX, CON_RX, 4, 0
	q_kick	CQ_RX
	assert_q_used CQ_RX, 0
	assert_eq dword [CON_RX], 'zzzz'
	con_room CQ_RX, 64
	assert_q_used CQ_RX, 2
	pass
