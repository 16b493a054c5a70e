; SPDX-License-Identifier: MIT
;@ summary: an access over a 4 KiB border is two accesses, the low address first
;@ exits: mmio r 0xfeb00ffc 4 0x0
;@ exits: mmio r 0xfeb01000 4 0xffffffff
;@ exits: mmio w 0xfeb00ffe 2 0x3344
;@ exits: mmio w 0xfeb01000 2 0x1122
;@ exits: pio w 0xf4 1 0x0
;@ exits: end exit
%include "test.inc"
	mov	ebx, TD + 0xffc		; the last register-less bytes of the device, then nothing
	mov	rax, [rbx]
	assert_eq64 rax, 0xffffffff00000000
	mov	dword [rbx + 2], 0x11223344
	pass
