; SPDX-License-Identifier: MIT
;@ summary: filters, addresses and what waits go through save and load
;@ device: virtio-net,delay=20000
;@ net: loop
%include "test.inc"
%include "net.inc"
%macro settle 0			; until what is late has come
	mov	r8d, 100
%%wait:	v_read	V_MAGIC
	mov	eax, 500
%%spin:	dec	eax
	jnz	%%spin
	dec	r8d
	jnz	%%wait
%endmacro
	net_start NF_CTRL_VQ | NF_CTRL_RX
	mov	byte [NC_CMD + 2], 0
	mov	word [NC_CMD], NC_PROMISC
	v_desc_at NC_DESC, 0, NC_CMD, 3, VD_NEXT, 1
	v_desc_at NC_DESC, 1, NC_ACK, 1, VD_WRITE, 0
	net_offer NC_AVAIL, 0
	net_kick 2
	net_frame frame
	net_send
	hostop	OP_SAVE_LOAD
	assert_eq eax, 0
	settle
	assert_eq word [NC_USED + 2], 1
	assert_sent 1
	net_buffer 0, 1526
	net_kick 0
	settle
	assert_received 0, 0, NH_LEN + frame_end - frame
	mov	byte [NET_OUT + NH_LEN], 2	; for someone else: the filter holds
	net_buffer 1, 1526
	net_send
	settle
	assert_received_idx 1
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
