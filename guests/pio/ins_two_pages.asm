; SPDX-License-Identifier: MIT
;@ summary: REP INSB over two virtual pages that lie apart in memory writes both at the right place
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA, TABLE, SCRATCH + 0x21000 + 7
	map4k	VA + 0x1000, TABLE, SCRATCH + 0x20000 + 7
	mov	edi, VA + 4096 - 3
	mov	ecx, 6
	mov	dx, DEBUGCON
	rep	insb
	assert_eq rdi, VA + 4096 + 3
	assert_eq byte [SCRATCH + 0x21ffc], 0
	assert_eq byte [SCRATCH + 0x21ffd], 0xe9
	assert_eq byte [SCRATCH + 0x21fff], 0xe9
	assert_eq byte [SCRATCH + 0x20000], 0xe9
	assert_eq byte [SCRATCH + 0x20002], 0xe9
	assert_eq byte [SCRATCH + 0x20003], 0
	assert_eq byte [SCRATCH + 0x22000], 0
	pass
