; SPDX-License-Identifier: MIT
;@ summary: an instruction that KVM cannot emulate exits with its bytes, and the host may step over it
;@ needs: kvm-emulation-exit
;@ cpu: kvm
%include "test.inc"
	mov	ebx, NO_RAM
	hostop	OP_SKIP, 2
	fld	dword [rbx]		; d9 03
	hostop	OP_SKIP, 2
	fld	dword [rbx]
	pass
