; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.2: the device completes a UDP checksum: the peer, who drops wrong ones, answers
;@ device: virtio-net
;@ net: peer
%include "test.inc"
%include "net.inc"
	net_start NF_CSUM
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_kick 0
	net_frame udp
	net_send			; with the pseudo header's sum alone it is wrong
	assert_received_idx 0
	mov	byte [NET_OUT + NH_FLAGS], NH_NEEDS_CSUM
	mov	word [NET_OUT + NH_CSUM_START], 34
	mov	word [NET_OUT + NH_CSUM_OFFSET], 6
	net_send
	assert_received 0, 0, NH_LEN + udp_end - udp
	assert_same NET_IN + NH_LEN + 42, udp + 42, 4
	assert_eq word [NET_IN + NH_LEN + 34], 0x0700	; from port 7
	assert_eq word [NET_IN + NH_LEN + 40], 0xb4d8	; as the device made it
	pass
section .rodata
udp:	db 0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 0
	db 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0x62, 0xbd, 10, 0, 2, 15, 10, 0, 2, 2
	db 0x30, 0x39, 0, 7, 0, 12, 0x18, 0x2e, "ping"
udp_end:
