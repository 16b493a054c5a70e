; SPDX-License-Identifier: MIT
;@ summary: 5.10.6: an operation that is not known ends its connection
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_give	2
	vs_send	99, 5000, 7, 0
	vs_expect VS_RST, 5000, 7, 0
	vs_send	VS_RW, 5000, 7, 1		; it is gone
	vs_expect VS_RST, 5000, 7, 0
	pass
