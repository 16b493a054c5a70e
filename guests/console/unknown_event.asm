; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: an event that is the device's to send, or nobody's, is dropped
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	con_tell 0, CE_DEVICE_ADD, 1
	con_tell 0, CE_DEVICE_REMOVE, 1
	con_tell 0, CE_CONSOLE_PORT, 1
	con_tell 0, CE_RESIZE, 1
	con_tell 0, CE_PORT_NAME, 1
	con_tell 0, 8, 1
	con_tell 0, 0xffff, 1
	con_silent
	assert_v V_STATUS, 15
	pass
