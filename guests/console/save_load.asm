; SPDX-License-Identifier: MIT
;@ summary: what is owed to the driver is part of the saved machine
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_tell 0, CE_DEVICE_READY, 1
	con_give 1
	con_hear 0, CE_DEVICE_ADD, 1
	con_tell 0, CE_PORT_READY, 1
	hostop	OP_SAVE_LOAD
	assert_eq eax, 0
	con_give 4
	con_hear 0, CE_CONSOLE_PORT, 1
	con_hear 0, CE_PORT_NAME, 1, CON_NAME
	con_hear 0, CE_PORT_OPEN, 1
	con_hear 1, CE_DEVICE_ADD, 1
	pass
