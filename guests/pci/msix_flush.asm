; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.8.3.4: what several vectors held back goes out when the function's mask goes
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
section .data
hits:	dq 0
section .text
	on_vector VECTOR, .handler
	on_vector VECTOR + 1, .handler
	apic_init
	p_find	1
	msix_entry 0, VECTOR, 0
	msix_entry 1, VECTOR + 1, 0
	msix_control 1, MSIX_ON | MSIX_MASK
	p_features 0
	p_queue	VQ_NUM
	p_write16 C_VECTOR, 1
	p_write16 C_CONFIG_VECTOR, 0
	p_driver_ok
	p_rng
	mov	word [VQ_AVAIL + 2], 0x4000	; and a broken queue
	v_kick
	assert_pending 3
	msix_control 1, MSIX_ON
	assert_pending 0
	sti
	hlt_until qword [hits], 2
	cli
	pass
.handler:
	inc	qword [hits]
	la_write LA_EOI, 0
	ret
