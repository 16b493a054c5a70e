; SPDX-License-Identifier: MIT
;@ summary: multiboot 2: the state of the entry tag, information tag by tag, an optional tag ignored
;@ mode: prot
;@ load: multiboot2
;@ cmdline: first second=2
;@ module: one=1 the first module
;@ module: two 2nd
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=16
bits 32
global _start
header:	dd	0xe85250d6, 0, header_end - header
	dd	-(0xe85250d6 + (header_end - header))
	dw	1, 0			; required: command line, modules, memory map
	dd	20, 1, 3, 6
	dd	0			; padding
	dw	4, 1			; optional: a console
	dd	12, 1, 0
	dw	77, 1			; optional: nobody knows it
	dd	8
	dw	3, 0			; entry
	dd	12, entry, 0
	dw	0, 0
	dd	8
header_end:
_start:	mov	al, 99			; e_entry is not where the entry tag says
	out	DEBUG_EXIT, al
	hlt
entry:	mov	esp, STACK_TOP
	mov	edx, cr0
	jmp	rt_main
section .text
rt_main:
	assert_eq eax, 0x36d76289
	and	edx, 0x80000001
	assert_eq edx, 1
	pushfd
	pop	eax
	assert_clear eax, FLAG_IF
	mov	ax, ds
	assert_ne ax, 0
	mov	ebp, ebx
	add	ebp, [ebx]		; total_size
	lea	esi, [ebx + 8]
	xor	edx, edx		; a bit for each tag's type; modules: bits 24 and up
.tag:	mov	ecx, [esi]
	assert_below ecx, 24
	bts	edx, ecx
	cmp	ecx, 1
	je	.cmdline
	cmp	ecx, 3
	je	.module
	cmp	ecx, 4
	je	.memory
	cmp	ecx, 6
	je	.map
.next:	mov	eax, [esi + 4]
	add	eax, 7
	and	eax, -8
	add	esi, eax
	test	ecx, ecx
	jnz	.tag
	assert_eq esi, ebp
	and	edx, 0xff00005f		; end, command line, name, modules, memory, map
	assert_eq edx, 0x0200005f
	pass
.cmdline:
	assert_eq dword [esi + 8], "firs"
	jmp	.next
.memory:
	assert_eq dword [esi + 8], 639
	assert_eq dword [esi + 12], 15 * 1024
	jmp	.next
.module:
	mov	edi, [esi + 8]
	test	edi, 0xfff
	assert_cc z
	add	edx, 1 << 24
	test	edx, 1 << 25
	jnz	.second
	assert_eq dword [edi], "the "
	assert_eq dword [esi + 16], "one="
	jmp	.next
.second:
	assert_eq word [edi], "2n"
	assert_eq word [esi + 16], "tw"
	jmp	.next
.map:	assert_eq dword [esi + 8], 24
	jmp	.next
