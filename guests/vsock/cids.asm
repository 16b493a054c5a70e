; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.2: packets from another CID than the guest's are dropped; to no host of ours: RST
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	2
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	dword [VS_TX + VSH_SRC_CID], 4
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	dword [VS_TX + VSH_SRC_CID + 4], 1
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_none
	vs_fill	VS_REQUEST, 5000, 7, 0
	mov	dword [VS_TX + VSH_DST_CID], 77
	vs_post	0
	assert_q_used VS_TXQ, 0
	vs_expect VS_RST, 5000, 7, 0
	assert_eq dword [r8 + VSH_SRC_CID], 77
	pass
