; SPDX-License-Identifier: MIT
;@ summary: 5.3.4: size and number of ports are not the driver's to write
;@ device: virtio-console,ports=2
;@ chr: loop
;@ chr: loop
%include "test.inc"
%include "console.inc"
	mov	ebx, VIRTIO0 + V_CONFIG
	mov	word [rbx], 1
	mov	word [rbx + 2], 1
	mov	dword [rbx + 4], 9
	assert_eq word [rbx], 80
	assert_eq word [rbx + 2], 25
	assert_v CC_PORTS, 2
	pass
