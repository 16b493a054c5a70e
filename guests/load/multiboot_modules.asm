; SPDX-License-Identifier: MIT
;@ summary: multiboot 3.3: modules with their strings, the memory map, the loader's name
;@ mode: prot
;@ load: multiboot
;@ module: one=1 the first module
;@ module: two 2nd
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=16
bits 32
global _start
header:	dd	0x1badb002
	dd	0x10003
	dd	-(0x1badb002 + 0x10003)
	dd	header, header, 0, 0, _start
_start:	mov	esp, STACK_TOP
	jmp	rt_main
section .text
rt_main:
	mov	ebp, ebx
	mov	eax, [ebp]
	assert_set eax, 8		; modules
	assert_set eax, 0x40		; memory map
	assert_eq dword [ebp + 20], 2
	mov	esi, [ebp + 24]
	mov	edi, [esi]		; start of the first
	test	edi, 0xfff		; page-aligned: the header asks for it
	assert_cc z
	assert_eq dword [edi], "the "
	mov	eax, [esi + 4]
	sub	eax, edi
	assert_eq eax, 16		; "the first module"
	mov	edi, [esi + 8]
	assert_eq dword [edi], "one="
	mov	edi, [esi + 16]
	assert_eq word [edi], "2n"
	; the map: entries of size + 20 bytes, one of them RAM from 1 MiB to the end
	mov	ecx, [ebp + 44]
	mov	esi, [ebp + 48]
	add	ecx, esi
	xor	ebx, ebx
.entry:	cmp	dword [esi + 20], 1
	jne	.skip
	cmp	dword [esi + 4], 0x100000
	jne	.skip
	mov	ebx, [esi + 12]
.skip:	add	esi, [esi]
	add	esi, 4
	cmp	esi, ecx
	jb	.entry
	assert_eq esi, ecx
	assert_eq ebx, 15 << 20
	mov	edi, [ebp + 64]
	assert_ne byte [edi], 0
	pass
