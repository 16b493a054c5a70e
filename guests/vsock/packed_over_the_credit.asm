; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3.1: data for which there is no room ends the connection, over a packed ring
;@ device: virtio-vsock,packed=1
%include "test.inc"
%define Q_PACKED
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_send	VS_RW, 5000, 7, VS_DEVICE_BUF	; no buffer to send it back
	vs_send	VS_RW, 5000, 7, 1
	vs_give	2
	vs_expect VS_RST, 5000, 7, 0
	vs_none
	pass
