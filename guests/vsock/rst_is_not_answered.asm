; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: a RST ends a connection, and is never answered
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	3
	vs_send	VS_RST, 5000, 7, 0
	vs_none
	vs_send	VS_REQUEST, 5000, 7, 0
	vs_expect VS_RESPONSE, 5000, 7, 0
	vs_send	VS_RST, 5000, 7, 0
	vs_none
	vs_send	VS_REQUEST, 5000, 7, 0		; the same ports once more
	vs_expect VS_RESPONSE, 5000, 7, 0
	pass
