; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.5.1: a configuration change comes by its vector and sets ISR, the pin stays down
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
	apic_counts VECTOR
	p_find	1

	msix_entry 0, VECTOR, 0
	msix_control 1, MSIX_ON
	p_write16 C_CONFIG_VECTOR, 0
	p_accept 0, 0
	p_write16 C_CONFIG_VECTOR, 0
	p_queue	VQ_NUM
	p_driver_ok
	mov	word [VQ_AVAIL + 2], 0x4000	; breaks the queue: DEVICE_NEEDS_RESET
	v_kick
	assert_p8 C_STATUS, 15 | VS_NEEDS_RESET
	sti
	hlt_until qword [hits], 1
	cli
	assert_cf16 1, P_STATUS, 0x10
	assert_p8 R_ISR, 2
	assert_p8 R_ISR, 0

	pass
