; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a driver that asks again and again without taking answers gets each once
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_tell 0, CE_DEVICE_READY, 1
	con_give 2
	con_hear 0, CE_DEVICE_ADD, 1
	con_hear 1, CE_DEVICE_ADD, 1
	mov	r9d, 50
.more:	con_tell 1, CE_PORT_READY, 1
	dec	r9d
	jnz	.more
	con_give 8
	con_hear 1, CE_PORT_NAME, 1, CON_NAME
	con_hear 1, CE_PORT_OPEN, 1
	con_silent
	pass
