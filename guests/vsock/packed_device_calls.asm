; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.6: the device connects to a port of the guest, over a packed ring
;@ device: virtio-vsock,call=80,packed=1
%include "test.inc"
%define Q_PACKED
%include "vsock.inc"
	vs_start
	vs_give	2
	vs_expect VS_REQUEST, 80, 1024, 0
	vs_send	VS_RESPONSE, 80, 1024, 0
	vs_send	VS_RW, 80, 1024, 4
	vs_expect VS_RW, 80, 1024, 4
	pass
