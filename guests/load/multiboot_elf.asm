; SPDX-License-Identifier: MIT
;@ summary: a multiboot kernel as ELF: segments by their physical addresses, bss zero
;@ mode: prot
;@ load: multiboot-elf
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=16
bits 32
global _start
	dd	0x1badb002, 0, -0x1badb002
_start:	mov	esp, STACK_TOP
	jmp	rt_main
section .bss
area:	resd 64
section .text
rt_main:
	assert_eq eax, 0x2badb002
	mov	edi, area
	mov	ecx, 64
	xor	eax, eax
	repe	scasd
	assert_cc e
	pass
