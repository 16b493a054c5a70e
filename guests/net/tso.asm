; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.2: a large TCP frame is cut into segments: lengths, numbers, flags and checksums are right
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_CSUM | NF_HOST_TSO4
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_buffer 2, 1526
	net_kick 0
	net_frame tcp
	mov	byte [NET_OUT + NH_FLAGS], NH_NEEDS_CSUM
	mov	byte [NET_OUT + NH_GSO_TYPE], NH_TCP4
	mov	word [NET_OUT + NH_GSO_SIZE], 100
	mov	word [NET_OUT + NH_CSUM_START], 34
	mov	word [NET_OUT + NH_CSUM_OFFSET], 16
	net_send
	assert_sent 1
	assert_received_idx 3
	assert_received 0, 0, NH_LEN + 154
	assert_received 1, 1, NH_LEN + 154
	assert_received 2, 2, NH_LEN + 104
CUT	equ NET_IN + NH_LEN
	; RFC 791: length, identification, checksum
	assert_eq word [CUT + 16], 0x8c00
	assert_eq word [CUT + 18], 0x0500
	assert_eq word [CUT + 24], 0x5762
	assert_eq word [CUT + NET_IN_STEP + 18], 0x0600
	assert_eq word [CUT + NET_IN_STEP + 24], 0x5662
	assert_eq word [CUT + 2 * NET_IN_STEP + 16], 0x5a00
	assert_eq word [CUT + 2 * NET_IN_STEP + 24], 0x8762
	; RFC 9293: sequence, flags, checksum
	assert_eq dword [CUT + 38], 0x01000000
	assert_eq byte [CUT + 47], 0x10
	assert_eq word [CUT + 50], 0x4ea8
	assert_eq dword [CUT + NET_IN_STEP + 38], 0x65000000
	assert_eq byte [CUT + NET_IN_STEP + 47], 0x10
	assert_eq word [CUT + NET_IN_STEP + 50], 0xeaa7
	assert_eq dword [CUT + 2 * NET_IN_STEP + 38], 0xc9000000
	assert_eq byte [CUT + 2 * NET_IN_STEP + 47], 0x19
	assert_eq word [CUT + 2 * NET_IN_STEP + 50], 0x0f07
	pass
section .rodata
tcp:	db 0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0
	db 0x45, 0, 1, 0x22, 0, 5, 0, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2
	db 0, 80, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x19, 0x20, 0, 0x19, 0x25, 0, 0
	times 250 db "A"
tcp_end:
