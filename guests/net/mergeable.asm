; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.4.1: a frame is put into as many buffers as it takes, and the header counts them
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_MRG_RXBUF
	net_buffer 3, 40
	net_buffer 1, 40
	net_buffer 2, 40
	net_kick 0
	net_frame frame
	net_send
	assert_received_idx 3
	assert_received 0, 3, 40
	assert_received 1, 1, 40
	assert_received 2, 2, NH_LEN + frame_end - frame - 80
	assert_eq word [NET_IN + 3 * NET_IN_STEP + NH_BUFFERS], 3
	assert_same NET_IN + 3 * NET_IN_STEP + NH_LEN, frame, 28
	assert_same NET_IN + NET_IN_STEP, frame + 28, 40
	assert_same NET_IN + 2 * NET_IN_STEP, frame + 68, frame_end - frame - 68
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
