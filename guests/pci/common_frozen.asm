; SPDX-License-Identifier: MIT
;@ summary: size and addresses of an enabled queue do not change
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	p_write16 C_SIZE, 4
	assert_p16 C_SIZE, VQ_NUM
	p_write16 C_SIZE, 0
	assert_p16 C_SIZE, VQ_NUM
	p_write	C_DESC, 0
	assert_p C_DESC, VQ_DESC
	p_write	C_DRIVER + 4, 1
	assert_p C_DRIVER + 4, 0
	p_write	C_DEVICE, 0
	assert_p C_DEVICE, VQ_USED
	p_rng
	assert_used 0, 0, 16
	pass
