; SPDX-License-Identifier: MIT
;@ summary: INTx by the 8259: ISR says why and its read takes the line down; virtio 4.1.4.5
;@ device: virtio-rng-pci
;@ needs.kvm: kvm-shadow
%include "test.inc"
%include "pci.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + PCI_LINE15, .handler
	pic_init 1 << PCI_LINE15
	p_find	1
	p_start	0
	p_rng
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	p_rng
	sti
	hlt
	cli
	assert_eq qword [hits], 2
	assert_p8 R_ISR, 0
	pass
.handler:
	inc	qword [hits]
	assert_p8 R_ISR, 1
	assert_p8 R_ISR, 0
	pic_eoi	PCI_LINE15
	ret
