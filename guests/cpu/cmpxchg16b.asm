; SPDX-License-Identifier: MIT
;@ summary: CMPXCHG16B swaps 16 bytes when they match
;@ cpu-model: v2
%include "test.inc"
	mov	qword [SCRATCH], 1
	mov	qword [SCRATCH + 8], 2
	mov	eax, 1
	mov	edx, 2
	mov	ebx, 3
	mov	ecx, 4
	lock cmpxchg16b [SCRATCH]
	assert_cc z
	assert_eq qword [SCRATCH], 3
	assert_eq qword [SCRATCH + 8], 4
	pass
