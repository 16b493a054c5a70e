; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3.1: queue_size shows 0 or a power of two; what is no size cannot be enabled
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_features 0
	p_set_up 0, 24
	assert_p16 C_SIZE, 0
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 0
	p_write16 C_SIZE, 512			; above the maximum
	assert_p16 C_SIZE, 0
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 0
	p_write16 C_SIZE, 64
	assert_p16 C_SIZE, 64
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 1
	pass
