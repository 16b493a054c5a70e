; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5.5: with two pairs in use a flow comes in by the pair that it was sent by
;@ device: virtio-net,pairs=2
;@ net: loop
%include "test.inc"
%include "net.inc"
R2_DESC	equ 0x150000
R2_AVAIL equ 0x151000
R2_USED	equ 0x152000
T2_DESC	equ 0x153000
T2_AVAIL equ 0x154000
T2_USED	equ 0x155000
	v_features NF_CTRL_VQ | NF_MQ
	net_queue 0, VQ_DESC, VQ_AVAIL, VQ_USED
	net_queue 1, NT_DESC, NT_AVAIL, NT_USED
	net_queue 2, R2_DESC, R2_AVAIL, R2_USED
	net_queue 3, T2_DESC, T2_AVAIL, T2_USED
	net_queue 4, NC_DESC, NC_AVAIL, NC_USED
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	net_buffer 0, 1526
	v_desc_at R2_DESC, 1, NET_IN + NET_IN_STEP, 1526, VD_WRITE, 0
	net_offer R2_AVAIL, 1
%macro pairs 2			; how many, ack
	mov	word [NC_CMD], NC_PAIRS_SET
	mov	word [NC_CMD + 2], %1
	mov	byte [NC_ACK], NC_NONE
	v_desc_at NC_DESC, 0, NC_CMD, 4, VD_NEXT, 1
	v_desc_at NC_DESC, 1, NC_ACK, 1, VD_WRITE, 0
	net_offer NC_AVAIL, 0
	net_kick 4
	assert_eq byte [NC_ACK], %2
%endmacro
	pairs	0, NC_ERR
	pairs	3, NC_ERR
	net_frame udp
	v_desc_at T2_DESC, 0, NET_OUT, NH_LEN + udp_end - udp, 0, 0
	net_offer T2_AVAIL, 0
	net_kick 3
	assert_received_idx 1			; one pair is in use
	pairs	2, NC_OK
	net_offer T2_AVAIL, 0
	net_kick 3
	assert_received_idx 1
	assert_eq word [R2_USED + 2], 1
	assert_eq dword [R2_USED + 4], 1
	assert_eq dword [R2_USED + 8], NH_LEN + udp_end - udp
	pass
section .rodata
udp:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 2, 2, 2, 2, 2, 8, 0
	db 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2
	db 0x30, 0x39, 0, 7, 0, 12, 0, 0, "ping"
udp_end:
