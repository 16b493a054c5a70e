; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a message of a port that is not there is dropped
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	con_tell 2, CE_PORT_READY, 1
	con_tell 0xffffffff, CE_PORT_OPEN, 1
	con_tell 0x80000000, CE_PORT_READY, 1
	con_silent
	assert_v V_STATUS, 15
	pass
