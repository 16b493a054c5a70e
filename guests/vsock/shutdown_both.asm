; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: SHUTDOWN of both directions is answered with RST
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_give	2
	vs_fill	VS_SHUTDOWN, 5000, 7, 0
	mov	dword [VS_TX + VSH_FLAGS], VS_SHUT_RECEIVE | VS_SHUT_SEND
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RST, 5000, 7, 0
	vs_none
	pass
