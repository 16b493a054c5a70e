; SPDX-License-Identifier: MIT
;@ summary: a ROM region is readable, and a write to it is an MMIO write that changes nothing
;@ needs: kvm-readonly-slots
%include "test.inc"
ROM	equ 0x10000000
	hostop	OP_MEM_ADD, ROM, 0x1000, 1
	assert_eq rax, 0
	assert_eq dword [ROM], 0
	mov	dword [ROM], 0x12345678
	assert_eq dword [ROM], 0
	add	byte [ROM + 4], 1
	assert_eq byte [ROM + 4], 0
	pass
