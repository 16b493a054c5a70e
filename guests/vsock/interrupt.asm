; SPDX-License-Identifier: MIT
;@ summary: 2.7.7: a packet from the device raises the used-buffer interrupt
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	assert_v V_INT_STATUS, 0
	vs_give	1
	assert_v V_INT_STATUS, 0		; nothing to say
	vs_send	VS_REQUEST, 5000, 7, 0
	assert_v V_INT_STATUS, 1
	v_write	V_INT_ACK, 1
	assert_v V_INT_STATUS, 0
	pass
