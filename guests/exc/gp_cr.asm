; SPDX-License-Identifier: MIT
;@ summary: reserved and contradictory bits of CR0 and CR4 are #GP(0) and change nothing
%include "test.inc"
	mov	rbx, cr0
	mov	rax, rbx
	and	rax, ~1			; PG without PE
	expect_fault GP, 0, mov cr0, rax
	mov	rax, rbx
	or	rax, 1 << 29		; NW without CD
	and	rax, ~(1 << 30)
	expect_fault GP, 0, mov cr0, rax
	mov	rax, cr0
	assert_eq rax, rbx
	mov	rbx, cr4
	mov	rax, rbx
	and	rax, ~0x20		; PAE off in long mode
	expect_fault GP, 0, mov cr4, rax
	mov	rax, cr4
	assert_eq rax, rbx
	pass
