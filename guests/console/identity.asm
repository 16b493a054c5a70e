; SPDX-License-Identifier: MIT
;@ summary: 5.3.1, 5.3.4: device ID, size and number of ports
;@ device: virtio-console,ports=2,cols=132,rows=43
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	assert_v V_DEVICE_ID, V_ID_CONSOLE
	assert_v V_MAGIC, V_MAGIC_VALUE
	mov	ebx, VIRTIO0 + CC_COLS
	assert_eq word [rbx], 132
	assert_eq word [rbx + 2], 43
	assert_v CC_PORTS, 2
	assert_v CC_EMERG, 0
	pass
