; SPDX-License-Identifier: MIT
;@ summary: counter 2 is timed by its gate and output in port 0x61, as kernels calibrate; refresh toggles
;@ device: pit
;@ compare: no it reads the time
%include "test.inc"
PULSES	equ 5966		; 5 ms
	outb	PORT_B, 0
	outb	PIT_CTRL, 0xb0		; counter 2, two bytes, mode 0
	outb	PIT + 2, PULSES & 0xff
	outb	PIT + 2, PULSES >> 8
	mov	ecx, 5000
.spin:	loop	.spin
	in	al, PORT_B
	assert_clear al, 0x21		; the gate holds it
	mov	ebx, TD + TDO_TIME
	mov	r12, [rbx]
	outb	PORT_B, 1
	xor	r14d, r14d		; how often refresh toggles
	mov	r15b, 0
.wait:	in	al, PORT_B
	mov	cl, al
	xor	cl, r15b
	shr	cl, 4
	and	ecx, 1
	add	r14d, ecx
	mov	r15b, al
	test	al, 0x20
	jz	.wait
	mov	r13, [rbx]
	sub	r13, r12
	assert_above r13, 4998000
	assert_below r13, 5020000
	assert_above r14, 325		; 5 ms of 15.1 us
	assert_below r14, 335
	pass
