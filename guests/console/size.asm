; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a console with SIZE is told its size
;@ device: virtio-console,ports=2,cols=100,rows=40
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT | CF_SIZE, 6
	con_give 8
	con_tell 0, CE_DEVICE_READY, 1
	con_hear 0, CE_DEVICE_ADD, 1
	con_hear 1, CE_DEVICE_ADD, 1
	con_tell 0, CE_PORT_READY, 1
	con_hear 0, CE_CONSOLE_PORT, 1
	con_hear 0, CE_PORT_NAME, 1, CON_NAME
	con_hear 0, CE_RESIZE, 1, 4
	assert_eq word [r8 + 8], 100
	assert_eq word [r8 + 10], 40
	con_hear 0, CE_PORT_OPEN, 1
	con_tell 1, CE_PORT_READY, 1
	con_hear 1, CE_PORT_NAME, 1, CON_NAME
	con_hear 1, CE_PORT_OPEN, 1
	con_silent
	pass
