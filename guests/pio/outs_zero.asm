; SPDX-License-Identifier: MIT
;@ summary: REP OUTSB and INSB with RCX = 0 do nothing, not even look at the memory
%include "test.inc"
	td_log_clear
	mov	rsi, UNMAPPED_VA
	mov	rdi, UNMAPPED_VA
	xor	ecx, ecx
	mov	dx, TD_SCRATCH1
	rep	outsb
	rep	insb
	mov	rax, UNMAPPED_VA
	assert_eq rsi, rax
	assert_eq rdi, rax
	assert_log_count 0
	pass
