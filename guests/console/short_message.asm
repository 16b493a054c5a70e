; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a control message of less than 8 bytes is dropped
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_give 4
	mov	qword [CON_CTX], 0x00010000 << 32	; DEVICE_READY, 1
	q_offer	CQ_CTX, CON_CTX, 7, 0
	q_kick	CQ_CTX
	assert_q_used CQ_CTX, 0
	con_silent
	q_offer	CQ_CTX, CON_CTX, 8, 0
	q_kick	CQ_CTX
	assert_q_used CQ_CTX, 0
	con_silent
	con_tell 0, CE_DEVICE_READY, 1
	con_hear 0, CE_DEVICE_ADD, 1
	pass
