; SPDX-License-Identifier: MIT
;@ summary: 3.3.1: what was sent and is under way when the driver resets never comes back
;@ device: virtio-console,delay=1000000
;@ chr: loop
;@ cpu: soft
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	q_offer	CQ_TX, CON_TX, 4, 0
	q_kick	CQ_TX
	assert_q_none CQ_TX		; 1 ms to go
	q_start	0, 2
	mov	ecx, 3000000
.wait:	dec	ecx
	jnz	.wait
	assert_q_none CQ_TX
	pass
