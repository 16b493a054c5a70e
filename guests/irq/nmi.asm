; SPDX-License-Identifier: MIT
;@ summary: an NMI comes with IF clear, at vector 2, and the next one only after IRET
;@ needs: kvm-nmi
;@ compare: kvm-window-exact the NMI comes some instructions late
%include "test.inc"
section .data
hits:	dq 0
deepest: dq 0
depth:	dq 0
section .text
	on_vector NMI, .handler
	td_irq	CTRL_NMI
	mov	ecx, 5000
.spin:	cmp	qword [hits], 2
	je	.got
	loop	.spin
.got:	assert_eq qword [hits], 2
	assert_eq qword [deepest], 1
	pass
.handler:
	inc	qword [hits]
	inc	qword [depth]
	mov	rax, [depth]
	cmp	rax, [deepest]
	jbe	.not_deeper
	mov	[deepest], rax
.not_deeper:
	cmp	qword [hits], 1
	jne	.last
	td_irq	CTRL_NMI		; pending until this handler's IRET
	mov	ecx, 3000
.wait:	loop	.wait
.last:	dec	qword [depth]
	ret
