; SPDX-License-Identifier: MIT
;@ summary: each byte of the keyboard is an interrupt of its own, translated by the controller
;@ device: i8042
;@ compare: kvm-window-exact the next interrupt comes some instructions late
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
hits:	dq 0
got:	dq 0
section .text
	on_vector IRQ_BASE + KBD_IRQ, .handler
	pic_init 1 << KBD_IRQ
	outb	KBD_DATA, 0xf2
	sti
	hlt
.wait:	cmp	qword [hits], 3
	jb	.wait
	cli
	assert_eq qword [got], 0xfaab41
	pass
.handler:
	in	al, KBD_DATA
	mov	rcx, [got]
	shl	rcx, 8
	mov	cl, al
	mov	[got], rcx
	inc	qword [hits]
	pic_eoi	KBD_IRQ
	ret
