; SPDX-License-Identifier: MIT
;@ summary: 5.3.2: each port has its own bytes
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: buf:p1\n
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	con_tell 1, CE_PORT_OPEN, 1
	con_word 'to port0'
	con_send CQ_TX, 8
	con_room CQ_RX1, 64
	assert_q_used CQ_RX1, 3
	assert_eq word [CON_RX], 'p1'
	con_room CQ_RX, 64
	assert_q_used CQ_RX, 8
	assert_eq dword [CON_RX], 'to p'
	assert_eq dword [CON_RX + 4], 'ort0'
	pass
