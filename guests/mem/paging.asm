; SPDX-License-Identifier: MIT
;@ summary: 4 KiB pages go where their entries say, and accessed and dirty bits are set
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA, TABLE, SCRATCH + 0x20000 + PTE_P + PTE_W
	mov	dword [SCRATCH + 0x20010], 0xcafe
	assert_eq dword [VA + 0x10], 0xcafe
	mov	rax, [TABLE]
	assert_set rax, PTE_A
	assert_clear rax, PTE_D
	mov	dword [VA + 0x14], 1
	mov	rax, [TABLE]
	assert_set rax, PTE_D
	assert_eq dword [SCRATCH + 0x20014], 1
	pass
