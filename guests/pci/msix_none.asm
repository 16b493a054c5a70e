; SPDX-License-Identifier: MIT
;@ summary: option vectors=0: no MSI-X, no BAR for it
;@ device: virtio-rng-pci,vectors=0
%include "test.inc"
%include "pci.inc"
	cap_find 1, CAP_MSIX
	assert_eq ecx, 0
	cf_write 1, P_BAR1, NOTHING
	assert_cf 1, P_BAR1, 0
	p_find	1
	p_write16 C_VECTOR, 0
	assert_p16 C_VECTOR, NO_VECTOR
	p_start	0
	p_rng
	assert_p8 R_ISR, 1
	pass
