; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.8.2.3: the function's mask holds all vectors back
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
	apic_counts VECTOR
	msix_rng VECTOR, 0, MSIX_ON | MSIX_MASK
	assert_pending 1
	msix_control 1, MSIX_ON
	assert_pending 0
	sti
	hlt_until qword [hits], 1
	cli

	pass
