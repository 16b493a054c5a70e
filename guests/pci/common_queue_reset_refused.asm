; SPDX-License-Identifier: MIT
;@ summary: queue_reset means nothing unless RING_RESET was accepted, and at another value than 1
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	p_write16 C_RESET, 1
	assert_p16 C_ENABLE, 1
	p_accept 0, 1 << (40 - 32)
	p_queue	VQ_NUM
	p_write16 C_RESET, 2
	assert_p16 C_ENABLE, 1
	p_write16 C_RESET, 0
	assert_p16 C_ENABLE, 1
	pass
