; SPDX-License-Identifier: MIT
;@ summary: 2.7.7: the device interrupts for a frame that comes, later, and not where the driver wants none
;@ device: virtio-net
;@ net: loop,delay=20000
;@ needs.kvm: kvm-shadow
%include "test.inc"
%include "net.inc"
	pic_init 1 << VIRTIO0_IRQ
	on_vector IRQ_BASE + VIRTIO0_IRQ, taken
	net_start 0
	mov	word [NT_AVAIL], 1	; no interrupt for what was sent
	net_buffer 0, 1526
	net_kick 0
	net_frame frame
	net_send
	assert_sent 1
	assert_received_idx 0
	assert_v V_INT_STATUS, 0
	sti
	hlt				; until the frame is there
	cli
	assert_eq dword [count], 1
	assert_received 0, 0, NH_LEN + frame_end - frame
	pass
taken:	inc	dword [count]
	v_write	V_INT_ACK, 1
	pic_eoi VIRTIO0_IRQ
	ret
section .data
count:	dd 0
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
