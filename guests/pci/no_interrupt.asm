; SPDX-License-Identifier: MIT
;@ summary: virtio 2.7.7.1: NO_INTERRUPT: nothing is sent, ISR stays 0
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	mov	word [VQ_AVAIL], 1
	p_rng
	assert_used_idx 1
	assert_p8 R_ISR, 0
	assert_cf16 1, P_STATUS, 0x10
	mov	word [VQ_AVAIL], 0
	v_offer	0
	v_kick
	assert_p8 R_ISR, 1
	pass
