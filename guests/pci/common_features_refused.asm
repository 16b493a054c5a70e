; SPDX-License-Identifier: MIT
;@ summary: virtio 2.2.2: FEATURES_OK does not stick for what was not offered, nor without VERSION_1
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_write8 C_STATUS, 3
	p_write	C_DRV_SEL, 0
	p_write	C_DRV_FEATURES, 1
	p_write	C_DRV_SEL, 1
	p_write	C_DRV_FEATURES, VF_HI_VERSION_1
	p_write8 C_STATUS, 11
	assert_p8 C_STATUS, 3
	p_write8 C_STATUS, 0
	p_write8 C_STATUS, 3
	p_write8 C_STATUS, 11
	assert_p8 C_STATUS, 3
	pass
