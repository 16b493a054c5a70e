; SPDX-License-Identifier: MIT
;@ summary: the last bytes of a BAR are its own, those behind it nobody's
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	mov	rbx, [P_REGS]
	mov	eax, [rbx + 0x3ffc]
	assert_eq eax, 0
	mov	eax, [rbx + 0x4000]
	assert_eq eax, NOTHING
	mov	eax, [rbx + 0x3ffe]		; over the end
	assert_eq eax, 0xffff0000
	pass
