; SPDX-License-Identifier: MIT
;@ summary: MOV of 1, 2, 4 and 8 bytes to and from a device arrives as one access of that width
%include "test.inc"
	mov	ebx, TD
	mov	rax, 0x1122334455667788
	mov	[rbx], rax
	mov	dword [rbx + 8], 0xaabbccdd
	mov	word [rbx + 12], 0xeeff
	mov	byte [rbx + 14], 0x99
	mov	rcx, [rbx]
	mov	edx, [rbx + 8]
	mov	si, [rbx + 12]
	mov	dil, [rbx + 14]
	assert_eq rcx, rax
	assert_eq edx, 0xaabbccdd
	assert_eq si, 0xeeff
	assert_eq dil, 0x99
	assert_log_count 8
	assert_log 0, LOG(0, 8) | LOG_WRITE | LOG_MMIO
	assert_log 7, LOG(14, 1) | LOG_MMIO
	pass
