; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.2.2: a checksum field outside the frame, and a segment size of 0: nothing is sent
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_CSUM | NF_HOST_TSO4
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	mov	byte [NET_OUT + NH_FLAGS], NH_NEEDS_CSUM
	mov	word [NET_OUT + NH_CSUM_START], frame_end - frame - 1
	net_send
	mov	word [NET_OUT + NH_CSUM_START], 0xffff
	mov	word [NET_OUT + NH_CSUM_OFFSET], 0xffff
	net_send
	mov	word [NET_OUT + NH_CSUM_START], 34
	mov	word [NET_OUT + NH_CSUM_OFFSET], 16
	mov	byte [NET_OUT + NH_GSO_TYPE], NH_TCP4	; the frame is no TCP either
	net_send
	mov	word [NET_OUT + NH_GSO_SIZE], 100
	net_send
	assert_sent 4
	assert_received_idx 0
	mov	byte [NET_OUT + NH_GSO_TYPE], 0
	net_send
	assert_received_idx 1
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
