; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5.1: promiscuous, all-multicast, all-unicast, and the modes that let nothing in
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
%macro comes 2			; label of a MAC, so many buffers are used then
	net_frame frame
	mov	esi, %1
	mov	edi, NET_OUT + NH_LEN
	mov	ecx, 6
	rep	movsb
	net_send
	assert_received_idx %2
%endmacro
	net_start NF_CTRL_VQ | NF_CTRL_RX | NF_CTRL_RX_EXTRA
%assign i 0
%rep 8
	net_buffer i, 1526
%assign i i + 1
%endrep
	net_kick 0
	comes	other, 1			; as if there were no filter
	net_flag NC_PROMISC, 0, NC_OK
	comes	other, 1
	comes	ours, 2
	comes	everyone, 3
	comes	group, 3
	net_flag NC_ALLMULTI, 1, NC_OK
	comes	group, 4
	comes	other, 4
	net_flag NC_NOMULTI, 1, NC_OK
	comes	group, 4
	net_flag NC_ALLUNI, 1, NC_OK
	comes	other, 5
	net_flag NC_NOUNI, 1, NC_OK
	comes	ours, 5
	net_flag NC_NOBCAST, 1, NC_OK
	comes	everyone, 5
	net_flag NC_PROMISC, 1, NC_OK
	comes	group, 6
	pass
section .rodata
ours:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56
other:	db 2, 0, 0, 0, 0, 1
group:	db 1, 0, 0x5e, 0, 0, 1
everyone: times 6 db 0xff
frame:	times 12 db 2
	db 0x88, 0xb5
	times 50 db 1
frame_end:
