; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a port that is no console gets input when the driver opened it, over a packed ring
;@ device: virtio-console,ports=2,packed=1
;@ chr: loop
;@ chr: loop
%include "test.inc"
%define Q_PACKED
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	con_word 'porttwo!'
	con_send CQ_TX1, 8
	con_room CQ_RX1, 64
	assert_q_none CQ_RX1
	con_tell 1, CE_PORT_OPEN, 1
	assert_q_used CQ_RX1, 8
	assert_eq dword [CON_RX], 'port'
	assert_eq dword [CON_RX + 4], 'two!'
	con_tell 1, CE_PORT_OPEN, 0
	con_room CQ_RX1, 64
	con_send CQ_TX1, 8
	assert_q_none CQ_RX1
	pass
