; SPDX-License-Identifier: MIT
;@ summary: 3.3.1, 5.3.6.2: after a reset nothing is known of ports, over a packed ring
;@ device: virtio-console,ports=2,packed=1
;@ chr: loop
;@ chr: loop
%include "test.inc"
%define Q_PACKED
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	con_tell 1, CE_PORT_OPEN, 1
	q_start	CF_MULTIPORT, 6
	con_give 2
	con_silent
	con_word 'forgot??'
	con_send CQ_TX1, 8
	con_room CQ_RX1, 64
	assert_q_none CQ_RX1
	con_tell 1, CE_PORT_OPEN, 1		; a port that it was not told of
	assert_q_none CQ_RX1
	pass
