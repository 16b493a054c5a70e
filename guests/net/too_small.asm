; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.3.1: a buffer that is too small comes back empty, its frame is gone, the next one comes
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, NH_LEN + frame_end - frame - 1
	net_buffer 1, NH_LEN + frame_end - frame
	net_kick 0
	net_frame frame
	net_send
	assert_received_idx 1
	assert_received 0, 0, 0
	net_send
	assert_received 1, 1, NH_LEN + frame_end - frame
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
