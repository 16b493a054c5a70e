; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.4.2: a type that is not known is answered with RST
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	2
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	word [VS_TX + VSH_TYPE], 0x55
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RST, 5000, 7, 0
	assert_eq word [r8 + VSH_TYPE], 0x55
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	word [VS_TX + VSH_TYPE], 2	; SEQPACKET was not offered
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RST, 5000, 7, 0
	pass
