; SPDX-License-Identifier: MIT
;@ summary: a page fault in the middle of REP INSB leaves RCX and RDI at the element, and it can go on
;@ compare: no KVM reads ahead for a string and drops what cannot be stored
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA + 0x1000, TABLE, 0	; not present
	mov	edi, VA + 4096 - 3
	mov	ecx, 6
	mov	dx, DEBUGCON
	expect_fault PF, PF_W, rep insb
	assert_eq rcx, 3
	assert_eq rdi, VA + 4096
	assert_eq qword [exc_cr2], VA + 4096
	assert_eq byte [VA + 4095], 0xe9
	push	rdi
	push	rcx
	map4k	VA + 0x1000, TABLE, VA + 0x1000 + 7
	pop	rcx
	pop	rdi
	mov	dx, DEBUGCON
	rep	insb
	assert_eq rcx, 0
	assert_eq rdi, VA + 4096 + 3
	assert_eq byte [VA + 4096 + 2], 0xe9
	assert_eq byte [VA + 4096 + 3], 0
	pass
