; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.5: ISR is one byte that its read clears; other widths do not
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	p_rng
	assert_p16 R_ISR, 0
	assert_p R_ISR, 0
	assert_p8 R_ISR + 1, 0
	assert_p8 R_ISR, 1
	assert_p8 R_ISR, 0
	pass
