; SPDX-License-Identifier: MIT
;@ summary: PUSH from and POP to a device move 8 bytes
%include "test.inc"
	mov	ebx, TD
	mov	rax, 0xfedcba9876543210
	mov	[rbx], rax
	push	qword [rbx]
	pop	rcx
	assert_eq rcx, rax
	push	rax
	pop	qword [rbx + 8]
	mov	rdx, [rbx + 8]
	assert_eq rdx, rax
	assert_log_count 4
	assert_log 1, LOG(0, 8) | LOG_MMIO
	assert_log 2, LOG(8, 8) | LOG_WRITE | LOG_MMIO
	pass
