; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: when the guest has said all, the rest comes back before the device's SHUTDOWN
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_send	VS_RW, 5000, 7, 100
	vs_fill	VS_SHUTDOWN, 5000, 7, 0
	mov	dword [VS_TX + VSH_FLAGS], VS_SHUT_SEND
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_give	3
	vs_expect VS_RW, 5000, 7, 100
	vs_expect VS_SHUTDOWN, 5000, 7, 0
	assert_eq dword [r8 + VSH_FLAGS], VS_SHUT_RECEIVE | VS_SHUT_SEND
	vs_none
	vs_send	VS_RST, 5000, 7, 0
	vs_none
	pass
