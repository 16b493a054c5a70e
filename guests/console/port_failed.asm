; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: of a port that the driver could not set up nothing more is said
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_give 8
	con_tell 0, CE_DEVICE_READY, 1
	con_hear 0, CE_DEVICE_ADD, 1
	con_hear 1, CE_DEVICE_ADD, 1
	con_tell 1, CE_PORT_READY, 0
	con_silent
	pass
