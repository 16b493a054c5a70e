; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5.2: the MAC tables say what comes in besides; an ill-formed one changes nothing
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
%macro table 3			; label, length, ack
	mov	esi, %1
	mov	edi, NC_CMD + 2
	mov	ecx, %2
	rep	movsb
	net_command NC_MAC_TABLE, %2, %3
%endmacro
	net_start NF_CTRL_VQ | NF_CTRL_RX
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_buffer 2, 1526
	net_kick 0
	net_flag NC_PROMISC, 0, NC_OK
	net_frame frame
	net_send
	assert_received_idx 0
	table	both, 20, NC_OK
	net_send
	assert_received_idx 1
	mov	word [NET_OUT + NH_LEN], 0x0001
	mov	dword [NET_OUT + NH_LEN + 2], 0x0100005e
	net_send
	assert_received_idx 2
	table	both, 19, NC_ERR
	table	both, 10, NC_ERR
	table	huge, 8, NC_ERR
	net_send
	assert_received_idx 3
	net_buffer 3, 1526
	net_kick 0
	table	none, 8, NC_OK
	net_send
	assert_received_idx 3
	pass
section .rodata
both:	dd 1
	db 2, 0, 0, 0, 0, 1
	dd 1
	db 1, 0, 0x5e, 0, 0, 1
huge:	dd 0xffffffff, 0
none:	dd 0, 0
frame:	db 2, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0x88, 0xb5
	times 50 db 1
frame_end:
