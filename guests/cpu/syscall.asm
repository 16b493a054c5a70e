; SPDX-License-Identifier: MIT
;@ summary: SYSCALL from CPL 3 enters CPL 0 at LSTAR with the kernel's CS
;@ needs: kvm-syscall
%include "test.inc"
	read_msr MSR_EFER
	or	eax, 1
	wrmsr
	write_msr MSR_STAR, (SEL_CODE64 << 32) | (0x30 << 48)
	mov	ecx, MSR_LSTAR
	mov	eax, .entry
	xor	edx, edx
	wrmsr
	write_msr MSR_FMASK, FLAG_IF
	user_run .user
	unreachable
.user:	syscall
.next:	user_done
.entry:	mov	ax, cs
	assert_eq ax, SEL_CODE64
	assert_eq64 rcx, .next
	mov	rsp, STACK_TOP
	pass
