; SPDX-License-Identifier: MIT
;@ summary: 5.1.4.1: a frame beyond the MTU that was told is not for the driver
;@ device: virtio-net,mtu=68
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_MTU
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	net_send
	assert_received_idx 0
	net_send_len NH_LEN + 14 + 68
	assert_received 0, 0, NH_LEN + 14 + 68
	pass
section .rodata
frame:	times 12 db 2
	db 0x88, 0xb5
	times 69 db 1
frame_end:
