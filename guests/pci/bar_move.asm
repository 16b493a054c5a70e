; SPDX-License-Identifier: MIT
;@ summary: a BAR that is moved decodes there, and no more where it was
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	mov	r9, [P_REGS]
	assert_p16 C_NUM_QUEUES, 1
	cf_write 1, P_BAR4, PCI_FREE
	assert_eq dword [r9], NOTHING
	mov	eax, PCI_FREE
	mov	[P_REGS], rax
	assert_p16 C_NUM_QUEUES, 1
	p_start	0				; and all of it works
	p_rng
	assert_used 0, 0, 16
	pass
