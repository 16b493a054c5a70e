; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.2: what is no frame is not sent, and comes back all the same
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	net_send_len 0			; nothing
	net_send_len NH_LEN - 1		; half a header
	net_send_len NH_LEN + 13		; less than an Ethernet header
	v_desc_at NT_DESC, 1, NET_OUT, 0x20000, 0, 0	; more than there can be
	net_offer NT_AVAIL, 1
	net_kick 1
	v_desc_at NT_DESC, 1, 1 << 40, 100, 0, 0	; not in memory
	net_offer NT_AVAIL, 1
	net_kick 1
	v_desc_at NT_DESC, 1, NET_OUT, 100, VD_WRITE, 0	; for the device to write
	net_offer NT_AVAIL, 1
	net_kick 1
	assert_sent 6
	assert_received_idx 0
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	net_send
	assert_received_idx 1
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
