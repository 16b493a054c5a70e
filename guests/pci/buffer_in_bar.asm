; SPDX-License-Identifier: MIT
;@ summary: virtio 2.7.5: a buffer in the device's own BAR or in ECAM fails its request only
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	mov	r9, [P_REGS]
	v_desc	0, r9, 16, VD_WRITE, 0
	v_desc	1, ECAM(1, P_BAR4), 16, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_kick
	assert_used_idx 2
	assert_used 0, 0, 0
	assert_used 1, 1, 0
	assert_p8 C_STATUS, 15
	assert_p C_DEV_SEL, 0
	pass
