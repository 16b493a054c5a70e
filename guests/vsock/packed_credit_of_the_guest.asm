; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3: the device sends no more than buf_alloc allows, and asks for more once, over a packed ring
;@ device: virtio-vsock,packed=1
%include "test.inc"
%define Q_PACKED
%include "vsock.inc"
	vs_start
	vs_give	6
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	dword [VS_TX + VSH_BUF_ALLOC], 10
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RESPONSE, 5000, 7, 0
	vs_fill	VS_RW, 5000, 7, 16
	mov	dword [VS_TX + VSH_BUF_ALLOC], 10
	vs_post	16
	assert_q_used VS_TXQ, 0
	vs_expect VS_RW, 5000, 7, 10
	vs_expect VS_CREDIT_REQUEST, 5000, 7, 0
	vs_none
	vs_fill	VS_CREDIT_UPDATE, 5000, 7, 0
	mov	dword [VS_TX + VSH_BUF_ALLOC], 10
	mov	dword [VS_TX + VSH_FWD_CNT], 10
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RW, 5000, 7, 6
	vs_none
	pass
