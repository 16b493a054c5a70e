; SPDX-License-Identifier: MIT
;@ summary: 2.1.2, 3.3.1: after a reset no connection is left
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_send	VS_RW, 5000, 7, 100
	vs_start
	vs_give	2
	vs_none
	vs_send	VS_RW, 5000, 7, 1
	vs_expect VS_RST, 5000, 7, 0
	pass
