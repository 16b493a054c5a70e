; SPDX-License-Identifier: MIT
;@ summary: option bar64=0: the registers are in a 32-bit BAR, the next one is none
;@ device: virtio-rng-pci,bar64=0
%include "test.inc"
%include "pci.inc"
	cf_write 1, P_BAR5, NOTHING
	assert_cf 1, P_BAR5, 0
	p_find32 1
	assert_p16 C_NUM_QUEUES, 1
	cf_write 1, P_BAR4, NOTHING
	assert_cf 1, P_BAR4, 0xffffc000
	pass
