; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3.1: a queue that does not exist: size 0, nothing enabled, no vector, no harm
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_write16 C_QUEUE, 1
	assert_p16 C_SIZE, 0
	p_write16 C_QUEUE, 0xffff
	assert_p16 C_QUEUE, 0xffff
	assert_p16 C_SIZE, 0
	assert_p16 C_VECTOR, NO_VECTOR
	assert_p16 C_ENABLE, 0
	assert_p16 C_NOTIFY_OFF, 0
	assert_p C_DESC, 0
	p_features 0
	p_write16 C_QUEUE, 0xffff
	p_write16 C_SIZE, 8
	p_write16 C_VECTOR, 0
	p_write	C_DESC, VQ_DESC
	p_write16 C_RESET, 1
	p_write16 C_ENABLE, 1
	assert_p16 C_SIZE, 0
	assert_p16 C_VECTOR, NO_VECTOR
	assert_p16 C_ENABLE, 0
	p_write16 C_QUEUE, 0
	assert_p16 C_SIZE, 256
	pass
