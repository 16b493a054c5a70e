; SPDX-License-Identifier: MIT
;@ summary: virtio 2.6.1, 4.1.4.3: queue_reset gives the queue back; it is set up anew
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_accept 0, 1 << (40 - 32)		; RING_RESET
	p_queue	VQ_NUM
	p_driver_ok
	p_rng
	assert_used_idx 1
	p_write16 C_RESET, 1
	assert_p16 C_RESET, 0
	assert_p16 C_ENABLE, 0
	assert_p16 C_SIZE, 256
	mov	dword [VQ_AVAIL], 0
	mov	dword [VQ_USED], 0
	v_offer	0
	v_kick					; it is not enabled
	assert_used_idx 0
	p_queue	VQ_NUM
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 16
	pass
