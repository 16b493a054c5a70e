; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.8.2.9: a masked vector is pending until its mask goes, and comes once
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
	apic_counts VECTOR
	msix_rng VECTOR, 1, MSIX_ON
	assert_pending 1
	p_rng
	assert_pending 1
	sti
	nop
	cli
	assert_eq qword [hits], 0
	mov	rbx, [P_MSIX]
	mov	dword [rbx + 12], 0
	assert_pending 0
	sti
	hlt_until qword [hits], 1
	cli
	assert_eq qword [hits], 1

	pass
