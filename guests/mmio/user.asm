; SPDX-License-Identifier: MIT
;@ summary: MMIO from CPL 3 behaves as from CPL 0
%include "test.inc"
	user_run .user
	assert_eq qword [exc_rip], .end
	assert_eq r12, 0x1234
	assert_eq r13d, 0xfffffff5
	assert_log_count 3
	assert_log 0, LOG(4, 4) | LOG_WRITE | LOG_MMIO
	assert_log 1, LOG(4, 2) | LOG_MMIO
	assert_log 2, LOG(8, 4) | LOG_WRITE | LOG_MMIO
	pass
.user:	mov	ebx, TD
	mov	dword [rbx + 4], 0xabcd1234
	movzx	r12, word [rbx + 4]
	mov	dword [rbx + 8], 10
	mov	r13d, 10
	not	r13d
.end:	hlt
