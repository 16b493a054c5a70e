; SPDX-License-Identifier: MIT
;@ summary: code in a device cannot run: the exit is an emulation failure, and the machine goes on from it
;@ cpu: kvm
%include "test.inc"
	hostop	OP_ON_SHUTDOWN, .again, 2
	assert_eq rax, 0
	mov	eax, NO_RAM
	jmp	rax
.again:	pass
