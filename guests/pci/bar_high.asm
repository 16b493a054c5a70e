; SPDX-License-Identifier: MIT
;@ summary: a 64-bit BAR above 4 GiB is not below; it comes back
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	cf_write 1, P_BAR5, 0x10
	assert_p C_DEV_SEL, NOTHING
	cf_write 1, P_BAR5, 0
	assert_p16 C_NUM_QUEUES, 1
	pass
