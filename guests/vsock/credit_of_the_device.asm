; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3: the device tells that its buffer is free again, in time or when it is asked
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 9
	vs_give	2
	vs_send	VS_RW, 5000, 9, VS_DEVICE_BUF / 2
	vs_none
	vs_send	VS_RW, 5000, 9, 1
	vs_expect VS_CREDIT_UPDATE, 5000, 9, 0
	assert_eq dword [r8 + VSH_FWD_CNT], VS_DEVICE_BUF / 2 + 1
	vs_send	VS_CREDIT_REQUEST, 5000, 9, 0
	vs_expect VS_CREDIT_UPDATE, 5000, 9, 0
	pass
