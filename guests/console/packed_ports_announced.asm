; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: DEVICE_READY brings DEVICE_ADD, PORT_READY name, console and open, over a packed ring
;@ device: virtio-console,ports=2,packed=1
;@ chr: loop
;@ chr: loop
%include "test.inc"
%define Q_PACKED
%include "console.inc"
	q_start	CF_MULTIPORT, 6
	con_ports2
	mov	r8d, CON_CRX + 3 * 0x100 + CON_MSG
	assert_eq dword [r8], 'vise'
	assert_eq dword [r8 + 4], '.por'
	assert_eq word [r8 + 8], 't0'
	pass
