; SPDX-License-Identifier: MIT
;@ summary: devices and CPU state survive being saved and loaded under the guest
%include "test.inc"
	outb	COM1 + 7, 0x77
	outb	COM1 + 3, 0x1b
	pic_init 1 << TD_IRQ
	mov	ebx, TD
	mov	dword [rbx + 8], 0x12345678
	mov	r12, 0x1122334455667788
	std
	hostop	OP_SAVE_LOAD
	assert_eq rax, 0
	pushf
	pop	rcx
	cld
	assert_set ecx, FLAG_DF
	assert_eq64 r12, 0x1122334455667788
	inb	COM1 + 7
	assert_eq al, 0x77
	inb	COM1 + 3
	assert_eq al, 0x1b
	in	al, PIC2_DATA
	assert_eq al, ~(1 << (TD_IRQ - 8)) & 0xff
	mov	ebx, TD
	assert_eq dword [rbx + 8], 0x12345678
	pass
