; SPDX-License-Identifier: MIT
;@ summary: 5.10.6: a packet without its whole header is taken, and nothing else
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	1
	vs_fill	VS_REQUEST, 5000, 7, 0
	q_offer	VS_TXQ, VS_TX, VS_HEADER - 1, 0
	q_kick	VS_TXQ
	assert_q_used VS_TXQ, 0
	vs_none
	pass
