; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.2.2: a header that asks for what was not negotiated: the frame is dropped; unknown flags are ignored
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	mov	byte [NET_OUT + NH_FLAGS], NH_NEEDS_CSUM
	mov	word [NET_OUT + NH_CSUM_START], 34
	net_send
	mov	byte [NET_OUT + NH_GSO_TYPE], NH_TCP4
	mov	word [NET_OUT + NH_GSO_SIZE], 100
	net_send
	mov	byte [NET_OUT + NH_FLAGS], 0
	net_send
	mov	byte [NET_OUT + NH_GSO_TYPE], 0x7f
	net_send
	assert_sent 4
	assert_received_idx 0
	mov	byte [NET_OUT + NH_GSO_TYPE], 0
	mov	byte [NET_OUT + NH_FLAGS], 0xfe
	mov	word [NET_OUT + NH_CSUM_START], 0xffff	; not looked at without the flag
	mov	word [NET_OUT + NH_CSUM_OFFSET], 0xffff
	net_send
	assert_received_idx 1
	assert_eq byte [NET_IN + NH_FLAGS], 0
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
