; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: a sent buffer comes back later, what it held went out at once
;@ device: virtio-console,delay=1000000
;@ chr: loop
;@ cpu: soft
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	con_word 'at once!'
	con_room CQ_RX, 64
	q_offer	CQ_TX, CON_TX, 8, 0
	q_kick	CQ_TX
	assert_q_used CQ_RX, 8
	assert_q_none CQ_TX
	mov	ecx, 3000000
.wait:	dec	ecx
	jnz	.wait
	assert_q_used CQ_TX, 0
	pass
