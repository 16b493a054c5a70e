; SPDX-License-Identifier: MIT
;@ summary: INTx of the PC: slot 1's INTA# is on pin 21, a level
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "test.inc"
%include "apic.inc"
%include "pci.inc"
VECTOR	equ 0x62
section .data
hits:	dq 0
section .text
	on_vector VECTOR, .handler
	apic_init
	assert_cf8 1, P_IRQ, PCI_PIN + 1
	io_write IO_PIN(PCI_PIN + 1) + 1, 0
	io_write IO_PIN(PCI_PIN + 1), IO_LEVEL | VECTOR
	p_find	1
	p_start	0
	p_rng
	sti
	hlt_until qword [hits], 2
	cli
	assert_p8 R_ISR, 0
	io_read	IO_PIN(PCI_PIN + 1)
	assert_eq eax, IO_LEVEL | VECTOR
	pass
.handler:
	inc	qword [hits]
	cmp	qword [hits], 2
	jne	.more
	p_read8	R_ISR
.more:	la_write LA_EOI, 0
	ret
