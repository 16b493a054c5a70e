; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a message waits for a buffer that it fits into
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_tell 0, CE_DEVICE_READY, 1
	con_give 1, 7
	assert_q_used CQ_CRX, 0
	con_give 2, 8
	con_hear 0, CE_DEVICE_ADD, 1
	con_hear 1, CE_DEVICE_ADD, 1
	con_tell 1, CE_PORT_READY, 1
	con_give 1, 17			; a byte too small for the name
	assert_q_used CQ_CRX, 0
	con_give 1, 18
	con_hear 1, CE_PORT_NAME, 1, CON_NAME
	con_give 1, 8
	con_hear 1, CE_PORT_OPEN, 1
	pass
