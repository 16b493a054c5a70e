; SPDX-License-Identifier: MIT
;@ summary: a device's interrupt goes through the 8259s to its vector, once for each time it is raised
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + TD_IRQ, .handler
	pic_init 1 << TD_IRQ
	sti
	td_irq	CTRL_IRQ
	nop
	mov	ecx, 100000
.wait:	cmp	qword [hits], 1
	je	.got
	loop	.wait
.got:	assert_eq qword [hits], 1
	td_irq	CTRL_IRQ
	mov	ecx, 100000
.wait2:	cmp	qword [hits], 2
	je	.got2
	loop	.wait2
.got2:	assert_eq qword [hits], 2
	pass
.handler:
	inc	qword [hits]
	td_irq	0
	pic_eoi	TD_IRQ
	ret
