; SPDX-License-Identifier: MIT
;@ summary: 5.10.6: a buffer that takes no packet comes back empty, and the next is used
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_give	1, VS_HEADER - 1
	vs_give	1
	vs_send	VS_REQUEST, 5000, 7, 0
	assert_q_used VS_RXQ, 0
	vs_expect VS_RESPONSE, 5000, 7, 0
	pass
