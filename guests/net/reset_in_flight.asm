; SPDX-License-Identifier: MIT
;@ summary: 2.1.2: what is under way at a reset never comes back; frames on the wire come to the next driver
;@ device: virtio-net,delay=50000
;@ net: loop,delay=100000
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	net_send
	v_write	V_STATUS, 0
	mov	dword [VQ_AVAIL], 0
	mov	dword [NT_AVAIL], 0
	net_start 0
	net_buffer 1, 1526
	net_kick 0
	mov	ecx, 300
again:	v_read	V_MAGIC
	mov	eax, 500
spin:	dec	eax
	jnz	spin
	dec	ecx
	jnz	again
	assert_sent 0
	assert_received 0, 1, NH_LEN + frame_end - frame
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
