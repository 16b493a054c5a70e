; SPDX-License-Identifier: MIT
;@ summary: an edge on a pin of the I/O APIC comes at its vector; on a masked pin it is lost
;@ machine: pc
;@ device: testdev
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x61
section .data
hits:	dq 0
section .text
	on_vector VECTOR, .handler
	apic_init
	sti
	; masked, as it is at the start
	td_irq	CTRL_IRQ
	td_irq	0
	io_write IO_PIN(TD_IRQ) + 1, 0
	io_write IO_PIN(TD_IRQ), VECTOR
	io_read	IO_PIN(TD_IRQ)
	assert_eq eax, VECTOR
	assert_eq qword [hits], 0
	td_irq	CTRL_IRQ
	hlt_until qword [hits], 1
	; the line is still up, and that is no edge
	la_read	LA_IRR + VECTOR / 32 * 16
	assert_eq eax, 0
	td_irq	0
	td_irq	CTRL_IRQ
	hlt_until qword [hits], 2
	td_irq	0
	la_read	LA_TMR + VECTOR / 32 * 16
	assert_eq eax, 0
	pass
.handler:
	inc	qword [hits]
	la_write LA_EOI, 0
	ret
