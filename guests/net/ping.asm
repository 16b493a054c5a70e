; SPDX-License-Identifier: MIT
;@ summary: a peer answers an echo request (RFC 792), and not one with a wrong checksum
;@ device: virtio-net
;@ net: peer
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_kick 0
	net_frame ping
	inc	byte [NET_OUT + NH_LEN + 50]
	net_send
	assert_received_idx 0
	net_frame ping
	net_send
	assert_received 0, 0, NH_LEN + ping_end - ping
	assert_eq byte [NET_IN + NH_LEN + 34], 0
	assert_eq word [NET_IN + NH_LEN + 36], 0x8ab5
	assert_same NET_IN + NH_LEN + 26, ping + 30, 4
	assert_same NET_IN + NH_LEN + 38, ping + 38, ping_end - ping - 38
	pass
section .rodata
ping:	db 0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0
	db 0x45, 0, 0, 44, 0, 0, 0, 0, 64, 1, 0x62, 0xc1, 10, 0, 2, 15, 10, 0, 2, 2
	db 8, 0, 0xad, 0x8a, 0x12, 0x34, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
ping_end:
