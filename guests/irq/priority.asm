; SPDX-License-Identifier: MIT
;@ summary: of two pending lines the lower number comes first, and without EOI the other waits
;@ compare: kvm-window-exact the second interrupt comes some instructions late
;@ needs.kvm: kvm-shadow
%include "test.inc"
section .data
order:	db 0, 0, 0
count:	dq 0
section .text
	on_vector IRQ_BASE + COM1_IRQ, .uart
	on_vector IRQ_BASE + TD_IRQ, .testdev
	pic_init 1 << COM1_IRQ | 1 << TD_IRQ
	td_irq	CTRL_IRQ
	outb	COM1 + 1, 2		; the transmitter is empty: interrupt at once
	sti
	hlt
.both:	cmp	qword [count], 2	; the second comes at once, or when the host gets to it
	jne	.both
	cli
	; lines 8 to 15 come in at line 2 of the master, so they are before line 4
	assert_eq byte [order], 'T'
	assert_eq byte [order + 1], 'U'
	assert_eq qword [count], 2
	pass
.testdev:
	mov	rbx, [count]
	mov	byte [order + rbx], 'T'
	inc	qword [count]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
.uart:	mov	rbx, [count]
	mov	byte [order + rbx], 'U'
	inc	qword [count]
	outb	COM1 + 1, 0
	pic_eoi	COM1_IRQ
	ret
