; SPDX-License-Identifier: MIT
;@ summary: INS and OUTS with REX.W move 32 bits: no port has 64
;@ exits: pio w 0x718 2 0x148
;@ exits: pio r 0x71c 4 0x0
;@ exits: pio r 0x71c 4 0x1
;@ exits: pio r 0x71c 4 0x2
;@ exits: pio w 0x700 4 0x0
;@ exits: pio w 0xf4 1 0x0
;@ exits: end exit
%include "test.inc"
	mov	dword [SCRATCH + 12], 0x5a5a5a5a
	outw	TD_PIO_INDEX, TDO_NEXT
	mov	edi, SCRATCH
	mov	dx, TD_PIO_DATA
	db	0x48			; REX.W
	insd
	assert_eq rdi, SCRATCH + 4
	mov	ecx, 2
	db	0xf3, 0x48, 0x6d	; rep, REX.W, insd
	assert_eq rdi, SCRATCH + 12
	assert_eq dword [SCRATCH + 12], 0x5a5a5a5a
	mov	esi, SCRATCH
	mov	dx, TD_PIO
	db	0x48
	outsd
	assert_eq rsi, SCRATCH + 4
	pass
