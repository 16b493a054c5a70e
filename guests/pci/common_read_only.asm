; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.4.3.2: what the driver must not write stays
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_read	C_DEV_FEATURES
	mov	r9d, eax
	p_write	C_DEV_FEATURES, 0
	p_read	C_DEV_FEATURES
	assert_eq eax, r9d
	p_write16 C_NUM_QUEUES, 9
	assert_p16 C_NUM_QUEUES, 1
	p_write8 C_GENERATION, 9
	assert_p8 C_GENERATION, 0
	p_write16 C_NOTIFY_OFF, 9
	assert_p16 C_NOTIFY_OFF, 0
	p_write8 R_ISR, NOTHING & 0xff
	assert_p8 R_ISR, 0
	pass
