; SPDX-License-Identifier: MIT
;@ summary: a level comes again after each EOI while it is there, and never twice without one
;@ machine: pc
;@ device: testdev
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x62
section .data
hits:	dq 0
section .text
	on_vector VECTOR, .handler
	apic_init
	io_write IO_PIN(TD_IRQ) + 1, 0
	io_write IO_PIN(TD_IRQ), IO_LEVEL | VECTOR
	td_irq	CTRL_IRQ
	io_read	IO_PIN(TD_IRQ)
	assert_eq eax, IO_LEVEL | IO_REMOTE | VECTOR
	la_read	LA_TMR + VECTOR / 32 * 16
	assert_eq eax, 1 << (VECTOR & 31)
	sti
	hlt_until qword [hits], 3
	cli
	io_read	IO_PIN(TD_IRQ)
	assert_eq eax, IO_LEVEL | VECTOR
	; an EOI register ends it too: the line is up and the message is on its way
	td_irq	CTRL_IRQ
	io_read	IO_PIN(TD_IRQ)
	assert_eq eax, IO_LEVEL | IO_REMOTE | VECTOR
	td_irq	0
	mov	ebx, IOAPIC
	mov	dword [rbx + IO_EOI], VECTOR
	io_read	IO_PIN(TD_IRQ)
	assert_eq eax, IO_LEVEL | VECTOR
	pass
.handler:
	inc	qword [hits]
	cmp	qword [hits], 3
	jne	.more
	td_irq	0
.more:	la_write LA_EOI, 0
	ret
