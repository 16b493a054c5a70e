; SPDX-License-Identifier: MIT
;@ summary: SYSENTER takes CS, RIP and RSP from its MSRs, SYSEXIT goes back to CPL 3 in 64-bit code; a null CS is #GP(0)
;@ needs: kvm-syscall
%include "test.inc"
MSR_SYSENTER_CS	equ 0x174
	write_msr MSR_SYSENTER_CS, 0
	mov	ecx, MSR_SYSENTER_CS + 1
	mov	eax, STACK_IST
	wrmsr
	mov	ecx, MSR_SYSENTER_CS + 2
	mov	eax, .entry
	wrmsr
	user_run .user
	assert_eq byte [exc_vector], GP
	assert_eq qword [exc_error], 0
	assert_eq64 [exc_rip], .user
	expect_fault GP, 0, o64 sysexit
	write_msr MSR_SYSENTER_CS, SEL_CODE64
	user_run .user
	assert_eq byte [exc_vector], GP	; user_done
	assert_eq64 [exc_rip], .back
	assert_eq qword [exc_cs], (SEL_CODE64 + 32) | 3
	assert_eq qword [exc_sp], STACK_USER - 0x100
	assert_eq r15, 0x77
	pass
.user:	sysenter
	unreachable
.entry:	mov	r14, rsp
	mov	ax, cs
	assert_eq ax, SEL_CODE64
	mov	ax, ss
	assert_eq ax, SEL_CODE64 + 8
	assert_eq64 r14, STACK_IST
	pushfq
	pop	rax
	assert_clear rax, FLAG_IF
	mov	edx, .back
	mov	ecx, STACK_USER - 0x100
	mov	r15d, 0x77
	o64 sysexit
.back:	user_done
