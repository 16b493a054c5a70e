; SPDX-License-Identifier: MIT
;@ summary: no message leaves a function that is no bus master; it waits
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
	apic_counts VECTOR
	msix_rng VECTOR, 1, MSIX_ON
	cf_write16 1, P_COMMAND, PC_MEMORY
	mov	rbx, [P_MSIX]
	mov	dword [rbx + 12], 0
	assert_pending 1
	cf_write16 1, P_COMMAND, PC_MEMORY | PC_MASTER
	assert_pending 0
	sti
	hlt_until qword [hits], 1
	cli

	pass
