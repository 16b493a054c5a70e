; SPDX-License-Identifier: MIT
;@ summary: memory removed under a running guest reads as nothing, and comes back empty
%include "test.inc"
NEW	equ 0x10000000
	assert_eq dword [NEW], 0xffffffff
	hostop	OP_MEM_ADD, NEW, 0x2000, 0
	assert_eq rax, 0
	assert_eq dword [NEW], 0
	mov	dword [NEW + 0x1ffc], 0x1234
	assert_eq dword [NEW + 0x1ffc], 0x1234
	hostop	OP_MEM_REMOVE, NEW
	assert_eq rax, 0
	assert_eq dword [NEW + 0x1ffc], 0xffffffff
	hostop	OP_MEM_ADD, NEW, 0x2000, 0
	assert_eq rax, 0
	assert_eq dword [NEW + 0x1ffc], 0
	hostop	OP_MEM_ADD, NEW + 0x1000, 0x2000, 0
	assert_eq rax, -17		; EEXIST: it would overlap
	hostop	OP_MEM_REMOVE, NEW + 0x5000
	assert_eq rax, -2		; ENOENT
	pass
