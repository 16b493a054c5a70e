; SPDX-License-Identifier: MIT
;@ summary: 2.7.5: a buffer that is not in memory is completed empty
;@ device: virtio-console
;@ chr: buf:ok
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	q_offer	CQ_TX, NO_RAM, 4, 0
	q_kick	CQ_TX
	assert_q_used CQ_TX, 0
	q_offer	CQ_RX, NO_RAM, 4, VD_WRITE
	q_kick	CQ_RX
	assert_q_used CQ_RX, 0
	con_room CQ_RX, 64
	assert_q_used CQ_RX, 2
	pass
