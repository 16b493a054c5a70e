; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: a port where nobody listens answers with RST
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	2
	vs_send	VS_REQUEST, 5000, 8, 0
	vs_expect VS_RST, 5000, 8, 0
	vs_send	VS_RW, 5000, 7, 4		; of no connection
	vs_expect VS_RST, 5000, 7, 0
	pass
