; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3.2: queue_enable knows 1 only; before FEATURES_OK it is refused
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_write8 C_STATUS, 3
	p_set_up 0, VQ_NUM
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 0
	p_features 0
	p_set_up 0, VQ_NUM
	p_write16 C_ENABLE, 2
	assert_p16 C_ENABLE, 0
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 1
	p_write16 C_ENABLE, 0			; the driver must not
	assert_p16 C_ENABLE, 1
	p_driver_ok
	p_rng
	assert_used 0, 0, 16
	pass
