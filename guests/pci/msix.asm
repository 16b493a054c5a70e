; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.8: a queue's vector reaches the CPU as a message; ISR and INTx stay quiet
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
	apic_counts VECTOR
	p_find	1

	msix_entry 1, VECTOR, 0
	msix_control 1, MSIX_ON
	p_features 0
	p_queue	VQ_NUM
	p_write16 C_VECTOR, 1
	assert_p16 C_VECTOR, 1
	p_driver_ok
	p_rng
	sti
	hlt_until qword [hits], 1
	cli
	assert_pending 0
	assert_cf16 1, P_STATUS, 0x10
	assert_p8 R_ISR, 0
	p_rng
	sti
	hlt_until qword [hits], 2
	cli

	pass
