; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3: a fwd_cnt beyond what was sent gives no credit
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	4
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	dword [VS_TX + VSH_BUF_ALLOC], 10
	mov	dword [VS_TX + VSH_FWD_CNT], 1
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RESPONSE, 5000, 7, 0
	vs_fill	VS_RW, 5000, 7, 16
	mov	dword [VS_TX + VSH_BUF_ALLOC], 10
	mov	dword [VS_TX + VSH_FWD_CNT], 1
	vs_post	16
	assert_q_used VS_TXQ, 0
	vs_expect VS_CREDIT_REQUEST, 5000, 7, 0
	vs_none
	pass
