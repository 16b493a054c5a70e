; SPDX-License-Identifier: MIT
;@ summary: a write to a read-only page is #PF(P, W) with CR0.WP set, and goes through without it
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA, TABLE, VA + PTE_P
	expect_fault PF, PF_P | PF_W, mov dword [VA + 4], 1
	assert_eq qword [exc_cr2], VA + 4
	assert_eq dword [VA + 4], 0
	clear_bits cr0, 1 << 16
	mov	dword [VA + 4], 1
	assert_eq dword [VA + 4], 1
	pass
