; SPDX-License-Identifier: MIT
;@ summary: an access over the end of RAM: RAM has its part, all ones come from beyond
%include "test.inc"
END	equ 16 << 20
	mov	dword [END - 4], 0x12345678
	mov	rax, [END - 4]
	assert_eq64 rax, 0xffffffff12345678
	mov	rax, 0x1111111122222222
	mov	[END - 2], rax
	assert_eq word [END - 2], 0x2222
	assert_eq byte [END - 1], 0x22
	pass
