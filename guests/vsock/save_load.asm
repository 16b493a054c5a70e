; SPDX-License-Identifier: MIT
;@ summary: connections are part of the saved machine: what was sent before comes back after
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_send	VS_RW, 5000, 7, 100
	hostop	OP_SAVE_LOAD
	assert_eq eax, 0
	vs_give	1
	vs_expect VS_RW, 5000, 7, 100
	pass
