; SPDX-License-Identifier: MIT
;@ summary: a peer says by ARP (RFC 826) where it is, and nothing for others
;@ device: virtio-net
;@ net: peer
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_kick 0
	net_frame request
	mov	byte [NET_OUT + NH_LEN + 41], 3		; who has 10.0.2.3?
	net_send
	assert_received_idx 0
	net_frame request
	net_send
	assert_received 0, 0, NH_LEN + 42
	assert_same NET_IN + NH_LEN, answer, 42
	pass
section .rodata
request: db 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6
	db 0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2
request_end:
answer:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x52, 0x55, 10, 0, 2, 2, 8, 6
	db 0, 1, 8, 0, 6, 4, 0, 2, 0x52, 0x55, 10, 0, 2, 2, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15
