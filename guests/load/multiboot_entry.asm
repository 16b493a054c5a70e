; SPDX-License-Identifier: MIT
;@ summary: multiboot 3.2: the state a kernel is entered with, found by the header's address fields
;@ mode: prot
;@ load: multiboot
;@ cmdline: first second=2
%define OWN_ENTRY
%include "test.inc"
extern __end
section .entry progbits alloc exec nowrite align=16
bits 32
global _start
header:	dd	0x1badb002
	dd	0x10007			; align modules, memory, addresses
	dd	-(0x1badb002 + 0x10007)
	dd	header, header, 0, 0, _start
_start:	mov	esp, STACK_TOP
	mov	edx, cr0
	jmp	rt_main
section .text
rt_main:
	assert_eq eax, 0x2badb002
	assert_set edx, 1
	assert_clear edx, 0x80000000
	mov	esi, ebx
	pushfd
	pop	eax
	assert_clear eax, FLAG_IF
	mov	ax, cs
	assert_ne ax, 0
	mov	eax, [esi]		; flags: memory, command line
	assert_set eax, 1
	assert_set eax, 4
	assert_eq dword [esi + 4], 639	; KiB below the extended BIOS data area
	assert_eq dword [esi + 8], 15 * 1024
	mov	edi, [esi + 16]
	assert_eq dword [edi], "firs"
	assert_eq dword [edi + 4], "t se"
	pass
