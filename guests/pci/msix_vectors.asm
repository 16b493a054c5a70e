; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.5.1.2.1: a vector that is not there reads back NO_VECTOR; reset unmaps all
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	assert_p16 C_CONFIG_VECTOR, NO_VECTOR
	assert_p16 C_VECTOR, NO_VECTOR
	p_write16 C_CONFIG_VECTOR, 1
	assert_p16 C_CONFIG_VECTOR, 1
	p_write16 C_CONFIG_VECTOR, 2		; there are two
	assert_p16 C_CONFIG_VECTOR, NO_VECTOR
	p_write16 C_VECTOR, 0
	assert_p16 C_VECTOR, 0
	p_write16 C_VECTOR, 0xfffe
	assert_p16 C_VECTOR, NO_VECTOR
	p_write16 C_VECTOR, 1
	p_write16 C_VECTOR, NO_VECTOR
	assert_p16 C_VECTOR, NO_VECTOR
	p_write16 C_VECTOR, 1
	p_write16 C_CONFIG_VECTOR, 0
	p_write8 C_STATUS, 0
	assert_p16 C_VECTOR, NO_VECTOR
	assert_p16 C_CONFIG_VECTOR, NO_VECTOR
	pass
