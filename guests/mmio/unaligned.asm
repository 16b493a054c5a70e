; SPDX-License-Identifier: MIT
;@ summary: unaligned accesses inside a page stay one access with their own address and width
%include "test.inc"
	mov	ebx, TD
	mov	rax, 0x0102030405060708
	mov	[rbx + 3], rax
	mov	rcx, [rbx + 3]
	assert_eq rcx, rax
	mov	edx, [rbx + 5]
	assert_eq edx, 0x03040506
	mov	si, [rbx + 7]
	assert_eq si, 0x0304
	assert_log_count 4
	assert_log 0, LOG(3, 8) | LOG_WRITE | LOG_MMIO
	assert_log 1, LOG(3, 8) | LOG_MMIO
	assert_log 2, LOG(5, 4) | LOG_MMIO
	assert_log 3, LOG(7, 2) | LOG_MMIO
	pass
