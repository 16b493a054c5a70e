; SPDX-License-Identifier: MIT
;@ summary: an NMI wakes HLT with interrupts off
;@ needs: kvm-nmi
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector NMI, .handler
	td_irq	CTRL_NMI
	mov	ecx, 5000
.spin:	cmp	qword [hits], 1
	je	.got
	loop	.spin
.got:	assert_eq qword [hits], 1
	hostop	OP_NMI
	assert_eq qword [hits], 2
	pass
.handler:
	inc	qword [hits]
	ret
