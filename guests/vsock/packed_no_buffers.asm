; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.1: without buffers for answers the device takes what it can keep, and the rest later, over a packed ring
;@ device: virtio-vsock,packed=1
%include "test.inc"
%define Q_PACKED
%include "vsock.inc"
	vs_start
%assign port 100
%rep 16
	vs_send	VS_RW, 5000, port, 0
%assign port port + 1
%endrep
	vs_fill	VS_RW, 5000, 116, 0
	vs_post	0
	assert_q_none VS_TXQ
	vs_give	1
	assert_q_used VS_TXQ, 0
	vs_give	16
%assign port 100
%rep 17
	vs_expect VS_RST, 5000, port, 0
%assign port port + 1
%endrep
	vs_none
	pass
