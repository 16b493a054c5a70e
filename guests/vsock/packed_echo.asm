; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.5, 5.10.6.6: a connection is accepted, and what is sent comes back, over a packed ring
;@ device: virtio-vsock,packed=1
%include "test.inc"
%define Q_PACKED
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_give	1
	mov	rax, 0x1122334455667788
	mov	[VS_TX + VS_HEADER], rax
	vs_send	VS_RW, 5000, 7, 8
	vs_expect VS_RW, 5000, 7, 8
	mov	rax, [r8 + VS_HEADER]
	assert_eq64 rax, 0x1122334455667788
	assert_eq dword [r8 + VSH_FWD_CNT], 8	; it has left the device's buffer
	assert_eq word [r8 + VSH_TYPE], VS_STREAM
	vs_none
	pass
