; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: DEVICE_READY again announces all ports again
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	con_tell 0, CE_DEVICE_READY, 1
	con_hear 0, CE_DEVICE_ADD, 1
	con_hear 1, CE_DEVICE_ADD, 1
	con_silent
	pass
