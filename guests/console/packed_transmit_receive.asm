; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: what port 0 sends goes out, and what comes in is received, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: loop
%include "test.inc"
%define Q_PACKED
%include "console.inc"
	q_start	0, 2
	con_word 'abcdefgh'
	con_room CQ_RX, 64
	assert_q_none CQ_RX
	con_send CQ_TX, 8
	assert_q_used CQ_RX, 8
	assert_eq dword [CON_RX], 'abcd'
	assert_eq dword [CON_RX + 4], 'efgh'
	pass
