; SPDX-License-Identifier: MIT
;@ summary: virtio 2.8.10.1, 4.1.4.3.2: a packed queue may have any size but 0, and none above the maximum
;@ device: virtio-rng-pci,packed=1
%include "test.inc"
%include "packed.inc"
%include "pci.inc"
	p_find	1
	p_accept 0, VF_HI_PACKED
	p_set_up 0, 0
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 0
	p_write16 C_SIZE, 257
	assert_p16 C_SIZE, 0
	p_write16 C_SIZE, 77
	assert_p16 C_SIZE, 77
	p_write16 C_ENABLE, 1
	assert_p16 C_ENABLE, 1
	pass
