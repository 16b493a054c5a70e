; SPDX-License-Identifier: MIT
;@ summary: after a triple fault the CPU runs in protected mode, faults again, and runs in real mode
%include "test.inc"
section .data
none:	dw 0
	dq 0
count:	dd 0
section .text
	hostop	OP_ON_SHUTDOWN, .first, 1
	lidt	[none]
	ud2
bits 32
.first:	inc	dword [count]
	mov	ebx, TD
	mov	dword [ebx + TDO_A0], rt_again16
	mov	dword [ebx + TDO_A0 + 4], 0
	mov	dword [ebx + TDO_A1], 0
	mov	dword [ebx + TDO_A1 + 4], 0
	mov	dword [ebx + TDO_OP], OP_ON_SHUTDOWN
	lidt	[none]
	ud2
section .gates
bits 16
rt_again16:
	xor	ax, ax
	mov	ds, ax
	cmp	dword [count], 1
	jne	.bad
	mov	al, 0
	out	DEBUG_EXIT, al
.bad:	mov	al, 2
	out	DEBUG_EXIT, al
