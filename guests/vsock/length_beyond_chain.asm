; SPDX-License-Identifier: MIT
;@ summary: 5.10.6: a length beyond the buffer ends the connection; nothing there is looked at
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_give	2
	vs_fill	VS_RW, 5000, 7, 0xffffffff
	vs_post	16
	assert_q_used VS_TXQ, 0
	vs_expect VS_RST, 5000, 7, 0
	vs_none
	pass
