; SPDX-License-Identifier: MIT
;@ summary: a driver that breaks the queue over PCI gets DEVICE_NEEDS_RESET and an interrupt by ISR
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	mov	word [VQ_AVAIL + 2], 0x4000
	v_kick
	assert_p8 C_STATUS, 15 | VS_NEEDS_RESET
	assert_p8 R_ISR, 2
	mov	word [VQ_AVAIL + 2], 0
	p_start	0
	p_rng
	assert_used 0, 0, 16
	pass
