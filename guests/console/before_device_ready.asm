; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: messages before DEVICE_READY are dropped
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_give 4
	con_tell 0, CE_PORT_READY, 1
	con_tell 1, CE_PORT_OPEN, 1
	con_silent
	con_tell 0, CE_DEVICE_READY, 0
	con_silent
	con_tell 0, CE_DEVICE_READY, 1
	con_hear 0, CE_DEVICE_ADD, 1
	con_hear 1, CE_DEVICE_ADD, 1
	pass
