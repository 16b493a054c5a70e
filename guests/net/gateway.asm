; SPDX-License-Identifier: MIT
;@ summary: the user network's gateway answers ARP and an echo request: libslirp, the same in every run
;@ device: virtio-net
;@ net: user
;@ needs: libslirp
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_kick 0
	net_frame request
	net_send
	assert_received_idx 1
	assert_eq byte [NET_IN + NH_LEN + 21], 2
	assert_same NET_IN + NH_LEN + 28, ping + 30, 4
	net_frame ping
	net_send
	assert_received_idx 2
	assert_eq byte [NET_IN + NET_IN_STEP + NH_LEN + 34], 0
	assert_same NET_IN + NET_IN_STEP + NH_LEN + 38, ping + 38, ping_end - ping - 38
	pass
section .rodata
request: db 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6
	db 0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2
request_end:
ping:	db 0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0
	db 0x45, 0, 0, 44, 0, 0, 0, 0, 64, 1, 0x62, 0xc1, 10, 0, 2, 15, 10, 0, 2, 2
	db 8, 0, 0xad, 0x8a, 0x12, 0x34, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
ping_end:
