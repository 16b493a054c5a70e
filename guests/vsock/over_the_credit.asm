; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3.1: data for which there is no room ends the connection
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_send	VS_RW, 5000, 7, VS_DEVICE_BUF	; no buffer to send it back
	vs_send	VS_RW, 5000, 7, 1
	vs_give	2
	vs_expect VS_RST, 5000, 7, 0
	vs_none
	pass
