; SPDX-License-Identifier: MIT
;@ summary: the power management timer counts 3.579545 MHz, and its top bit's change interrupts
;@ device: acpi-pm
;@ compare: no it reads the time
;@ exit: hlt
%include "test.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + SCI_IRQ, .handler
	pic_init 1 << SCI_IRQ
	inl	PM_TMR
	mov	r14d, eax
	mov	ebx, TD + TDO_TIME
	mov	r12, [rbx]
.wait:	in	eax, dx
	sub	eax, r14d
	cmp	eax, 35796		; 10 ms
	jb	.wait
	mov	r13, [rbx]
	sub	r13, r12
	assert_above r13, 9998000
	assert_below r13, 10020000
	; 2^31 ticks are 600 s: one HLT
	mov	r12, [rbx]
	outw	PM1_EN, 1
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	mov	r13, [rbx]
	sub	r13, r12
	mov	rax, 599900000000
	assert_above r13, rax
	mov	rax, 600000000000
	assert_below r13, rax
	inl	PM_TMR
	assert_set eax, 1 << 31
	outw	PM1_EN, 0
	sti
	hlt				; not enabled: nothing comes
	unreachable
.handler:
	inc	qword [hits]
	inw	PM1_STS
	assert_eq ax, 1
	outw	PM1_STS, 1
	pic_eoi	SCI_IRQ
	ret
