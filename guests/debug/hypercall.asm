; SPDX-License-Identifier: MIT
;@ summary: VMCALL and VMMCALL end in #UD or an error code, and never hang
;@ needs: kvm-hypercall-ud
%include "test.inc"
%macro try 1.nolist
	mov	eax, 0x7fffffff		; no such hypercall
	catch	%%caught
	%1
	catch_none
	assert_eq rax, -1000		; -KVM_ENOSYS
	jmp	%%next
%%caught:
	assert_eq byte [exc_vector], UD
%%next:
%endmacro
	try	vmcall
	try	vmmcall
	pass
