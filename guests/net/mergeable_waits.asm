; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.4.1: no buffer is used before there are enough for the frame
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_MRG_RXBUF
	net_buffer 0, 40
	net_kick 0
	net_frame frame
	net_send
	assert_received_idx 0
	net_buffer 1, 20
	net_kick 0
	assert_received_idx 0
	assert_zeroes NET_IN, 40
	net_buffer 2, 40
	net_kick 0
	assert_received_idx 3
	assert_eq word [NET_IN + NH_BUFFERS], 3
	assert_received 2, 2, NH_LEN + frame_end - frame - 60
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
