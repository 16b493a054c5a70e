; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.3: frames without a buffer wait, and come in their order when there are some
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start 0
	net_frame frame
	net_send
	mov	byte [NET_OUT + NH_LEN + 20], 2
	net_send
	mov	byte [NET_OUT + NH_LEN + 20], 3
	net_send
	assert_sent 3
	assert_received_idx 0
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_kick 0
	assert_received_idx 2
	assert_eq byte [NET_IN + NH_LEN + 20], 0x5a
	assert_eq byte [NET_IN + NET_IN_STEP + NH_LEN + 20], 2
	net_buffer 2, 1526
	net_kick 0
	assert_received 2, 2, NH_LEN + frame_end - frame
	assert_eq byte [NET_IN + 2 * NET_IN_STEP + NH_LEN + 20], 3
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
