; SPDX-License-Identifier: MIT
;@ summary: privileged instructions at CPL 3 are #GP(0), and the handler runs on RSP0
%include "test.inc"
%macro privileged 1+.nolist
	user_run %%user
	rt_assert e, byte [exc_vector], GP
	rt_assert e, qword [exc_error], 0
	rt_assert e, qword [exc_rip], %%user
	rt_assert e, qword [exc_sp], STACK_USER
	jmp	%%next
%%user:	%1
	user_done
%%next:
%endmacro
	privileged hlt
	privileged mov rax, cr0
	privileged mov cr3, rax
	privileged lgdt [SCRATCH]
	privileged rdmsr
	privileged wbinvd
	privileged invlpg [SCRATCH]
	privileged cli
	privileged sti
	pass
