; SPDX-License-Identifier: MIT
;@ summary: 5.1.3.1: TSO without the checksum that it needs has no effect
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_HOST_TSO4
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	mov	byte [NET_OUT + NH_GSO_TYPE], NH_TCP4
	mov	word [NET_OUT + NH_GSO_SIZE], 100
	net_send
	mov	byte [NET_OUT + NH_FLAGS], NH_NEEDS_CSUM
	net_send
	assert_sent 2
	assert_received_idx 0
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
