; SPDX-License-Identifier: MIT
;@ summary: a scripted peer: frames at their time, and answers made of what was sent
;@ device: virtio-net
;@ net: script:=at 50us send 525400123456 020000000001 88b5 01; on ?? ?? ?? ?? ?? ?? 52 send $6-11 $0-5 88b5 $14 02
;@ compare: no it waits for what it polls
%include "test.inc"
%include "net.inc"
	net_start 0
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_kick 0
	net_frame frame
	net_send
	assert_received 0, 0, NH_LEN + 16
	assert_same NET_IN + NH_LEN, frame + 6, 6
	assert_eq dword [NET_IN + NH_LEN + 12], 0x0277b588
	mov	ecx, 1000000
again:	v_read	V_MAGIC
	cmp	word [VQ_USED + 2], 2
	je	came
	dec	ecx
	jnz	again
came:	assert_received 1, 1, NH_LEN + 15
	assert_eq byte [NET_IN + NET_IN_STEP + NH_LEN + 14], 1
	pass
section .rodata
frame:	db 2, 0, 0, 0, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x88, 0xb5, 0x77
frame_end:
