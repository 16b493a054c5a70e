; SPDX-License-Identifier: MIT
;@ summary: two functions, each by a vector of its own
;@ machine: pc
;@ device: testdev
;@ device: virtio-rng-pci
;@ device: virtio-rng-pci
;@ compare: kvm-window-exact an interrupt comes some instructions late
%include "msix.inc"
section .data
hits:	dq 0
others:	dq 0
section .text
	on_vector VECTOR, .handler
	on_vector VECTOR + 16, .other
	apic_init
	p_find	1
	msix_entry 1, VECTOR, 0
	msix_control 1, MSIX_ON
	p_features 0
	p_queue	VQ_NUM
	p_write16 C_VECTOR, 1
	p_driver_ok
	p_rng
	mov	dword [VQ_AVAIL], 0
	mov	dword [VQ_USED], 0
	p_find	2
	msix_entry 0, VECTOR + 16, 0
	msix_control 2, MSIX_ON
	p_features 0
	p_queue	VQ_NUM
	p_write16 C_VECTOR, 0
	p_driver_ok
	p_rng
	sti
	hlt_until qword [hits], 1
	hlt_until qword [others], 1
	cli
	pass
.handler:
	inc	qword [hits]
	la_write LA_EOI, 0
	ret
.other:
	inc	qword [others]
	la_write LA_EOI, 0
	ret
