; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: more connections than the device has are refused
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
%assign port 100
%rep 16
	vs_connect port, 7
%assign port port + 1
%endrep
	vs_give	2
	vs_send	VS_REQUEST, 200, 7, 0
	vs_expect VS_RST, 200, 7, 0
	vs_send	VS_RST, 107, 7, 0
	vs_send	VS_REQUEST, 200, 7, 0
	vs_expect VS_RESPONSE, 200, 7, 0
	pass
