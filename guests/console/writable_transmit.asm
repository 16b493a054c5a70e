; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.1: a writable buffer in the transmit queue is left alone
;@ device: virtio-console
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	mov	dword [CON_TX], 'zzzz'
	q_offer	CQ_TX, CON_TX, 4, VD_WRITE
	q_kick	CQ_TX
	assert_q_used CQ_TX, 0
	assert_eq dword [CON_TX], 'zzzz'
	con_room CQ_RX, 64
	assert_q_none CQ_RX
	pass
