; SPDX-License-Identifier: MIT
;@ summary: A20 is kept by the output port, and memory above 1 MiB is there whatever it says
;@ device: i8042
%include "test.inc"
	mov	dword [0x1000], 0x11111111
	mov	dword [0x101000], 0x22222222
	outb	KBD_CMD, 0xd0
	in	al, KBD_DATA
	assert_set al, 2
	outb	KBD_CMD, 0xd1
	outb	KBD_DATA, 0xdd
	outb	KBD_CMD, 0xd0
	in	al, KBD_DATA
	assert_clear al, 2
	assert_eq dword [0x1000], 0x11111111
	assert_eq dword [0x101000], 0x22222222
	outb	KBD_CMD, 0xdf
	outb	KBD_CMD, 0xd0
	in	al, KBD_DATA
	assert_set al, 2
	pass
