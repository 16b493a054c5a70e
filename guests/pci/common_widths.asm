; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.3.1: a register at another width than its own reads 0 and is not written
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	assert_p8 C_SIZE, 0			; of 16 bits
	assert_p C_SIZE, 0
	assert_p16 C_STATUS, 0			; of 8
	assert_p8 C_DESC, 0			; of 64: halves only
	mov	rbx, [P_REGS]
	mov	rax, [rbx + C_DESC]
	assert_eq rax, 0
	assert_p16 C_DEV_SEL, 0			; of 32
	p_write16 C_DEV_SEL, 1
	p_write16 C_STATUS, 0			; would be a reset
	p_write	C_STATUS, 0
	p_write8 C_QUEUE, 7
	p_write	C_QUEUE, 7
	assert_p C_DEV_SEL, 0
	assert_p8 C_STATUS, 15
	assert_p16 C_QUEUE, 0
	assert_p16 C_QUEUE + 1, 0		; in the middle of two
	assert_p 0x3c, 0			; behind the last
	assert_p 0xffc, 0
	p_write	0x3c, NOTHING
	pass
