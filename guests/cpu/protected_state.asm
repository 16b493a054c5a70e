; SPDX-License-Identifier: MIT
;@ summary: the runtime's protected mode: paging off, flat segments
;@ mode: prot
%include "test.inc"
	mov	eax, cr0
	assert_set eax, 1
	assert_clear eax, 0x80000000
	mov	ax, cs
	assert_eq ax, SEL_CODE32
	mov	dword [0xfffff0], 0x1234
	assert_eq dword [0xfffff0], 0x1234
	pass
