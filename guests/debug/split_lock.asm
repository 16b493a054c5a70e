; SPDX-License-Identifier: MIT
;@ summary: a locked access over a cache line's end is done all the same
%include "test.inc"
	mov	qword [SCRATCH + 60], 0
	mov	ecx, 10
.next:	lock inc dword [SCRATCH + 62]
	loop	.next
	assert_eq dword [SCRATCH + 62], 10
	lock add qword [SCRATCH + 60], 1
	assert_eq word [SCRATCH + 60], 1
	pass
