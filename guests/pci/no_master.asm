; SPDX-License-Identifier: MIT
;@ summary: a device that is no bus master leaves RAM alone: the notification is refused
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	cf_write16 1, P_COMMAND, PC_MEMORY
	p_start	0
	p_rng
	assert_used_idx 0
	assert_zeroes VQ_BUF, 16
	assert_p8 C_STATUS, 15
	cf_write16 1, P_COMMAND, PC_MEMORY | PC_MASTER
	v_kick
	assert_used_idx 1
	pass
