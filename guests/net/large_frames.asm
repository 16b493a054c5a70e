; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.4: a large frame comes in whole, with its size and its open checksum, to a driver that takes it
;@ device: virtio-net
;@ net: loop,meta=1
%include "test.inc"
%include "net.inc"
	net_start NF_CSUM | NF_HOST_TSO4 | NF_GUEST_CSUM | NF_GUEST_TSO4
	net_buffer 0, 4000
	net_kick 0
	net_frame tcp
	mov	byte [NET_OUT + NH_FLAGS], NH_NEEDS_CSUM
	mov	byte [NET_OUT + NH_GSO_TYPE], NH_TCP4
	mov	word [NET_OUT + NH_GSO_SIZE], 1000
	mov	word [NET_OUT + NH_CSUM_START], 34
	mov	word [NET_OUT + NH_CSUM_OFFSET], 16
	net_send
	assert_received 0, 0, NH_LEN + tcp_end - tcp
	assert_eq byte [NET_IN + NH_FLAGS], NH_NEEDS_CSUM
	assert_eq byte [NET_IN + NH_GSO_TYPE], NH_TCP4
	assert_eq word [NET_IN + NH_GSO_SIZE], 1000
	assert_eq word [NET_IN + NH_CSUM_START], 34
	assert_eq word [NET_IN + NH_CSUM_OFFSET], 16
	assert_eq word [NET_IN + NH_BUFFERS], 1
	assert_same NET_IN + NH_LEN, tcp, tcp_end - tcp
	pass
section .rodata
tcp:	db 0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0
	db 0x45, 0, 0x0d, 0xe0, 0, 5, 0, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2
	db 0, 80, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x19, 0x20, 0, 0, 0, 0, 0
	times 3512 db "B"
tcp_end:
