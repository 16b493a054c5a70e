; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: input goes on in the next buffer, in order, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: loop
%include "test.inc"
%define Q_PACKED
%include "console.inc"
	q_start	0, 2
	con_word 'abcdefgh'
	con_send CQ_TX, 8
	con_room CQ_RX, 3
	assert_q_used CQ_RX, 3
	assert_eq dword [CON_RX], 'abc'
	con_room CQ_RX, 1
	assert_q_used CQ_RX, 1
	assert_eq byte [CON_RX], 'd'
	con_room CQ_RX, 64
	assert_q_used CQ_RX, 4
	assert_eq dword [CON_RX], 'efgh'
	con_room CQ_RX, 64
	assert_q_none CQ_RX
	pass
