; SPDX-License-Identifier: MIT
;@ summary: two functions share a line: it is down when both are
;@ device: virtio-rng-pci
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	pic_init 0
	outb	0x4d1, 0x80			; ELCR: line 15 is a level
	p_find	1
	p_start	0
	p_rng
	mov	r9, [P_REGS]
	mov	dword [VQ_AVAIL], 0
	mov	dword [VQ_USED], 0
	p_find	2
	p_start	0
	p_rng
	mov	al, 0x0a
	out	PIC2_CMD, al
	in	al, PIC2_CMD
	assert_eq al, 0x80
	assert_p8 R_ISR, 1
	in	al, PIC2_CMD
	assert_eq al, 0x80
	mov	[P_REGS], r9
	assert_p8 R_ISR, 1
	in	al, PIC2_CMD
	assert_eq al, 0
	pass
