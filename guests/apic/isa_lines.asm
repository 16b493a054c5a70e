; SPDX-License-Identifier: MIT
;@ summary: an ISA line is on the 8259s and on the I/O APIC alike; IRQ 0 is pin 2
;@ machine: pc
;@ device: testdev
%include "test.inc"
%include "apic.inc"
PIT_VECTOR equ 0x63
section .data
pic:	dq 0
pit:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .pic
	on_vector PIT_VECTOR, .pit
	pic_init 1 << TD_IRQ
	la_write LA_SVR, 0x1ff
	sti
	; by the 8259s and LINT0, as the firmware has left it
	la_read	LA_LINT0
	assert_eq eax, 0x700
	td_irq	CTRL_IRQ
	hlt_until qword [pic], 1
	td_irq	0
	; LINT0 masked: nothing comes
	la_write LA_LINT0, LA_MASKED | 0x700
	td_irq	CTRL_IRQ
	times 4	nop
	assert_eq qword [pic], 1
	td_irq	0
	; the PIT by pin 2
	io_write IO_PIN(2) + 1, 0
	io_write IO_PIN(2), PIT_VECTOR
	outb	PIT_CTRL, 0x30
	outb	PIT, 10
	outb	PIT, 0
	hlt_until qword [pit], 1
	pass
.pic:	inc	qword [pic]
	pic_eoi	TD_IRQ
	ret
.pit:	inc	qword [pit]
	la_write LA_EOI, 0
	ret
