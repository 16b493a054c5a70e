; SPDX-License-Identifier: MIT
;@ summary: an ELF64 vmlinux is entered in long mode with the zero page in RSI, command line and E820 in it
;@ load: elf
;@ cmdline: quiet panic=-1
;@ initrd: 0707 not really an archive
%define OWN_ENTRY
%include "test.inc"
section .entry progbits alloc exec nowrite align=16
bits 64
global _start
_start:	mov	rsp, STACK_TOP
	jmp	rt_main
section .text
rt_main:
	mov	r12, rsi
	mov	rax, cr0
	assert_set eax, 1 << 31
	mov	ecx, MSR_EFER
	rdmsr
	assert_set eax, 1 << 10
	pushf
	pop	rax
	assert_clear eax, FLAG_IF
	assert_eq dword [r12 + 0x202], "HdrS"
	assert_eq byte [r12 + 0x210], 0xff	; type_of_loader
	mov	edi, [r12 + 0x228]		; cmd_line_ptr
	assert_eq dword [rdi], "quie"
	mov	edi, [r12 + 0x218]		; ramdisk_image
	assert_eq dword [rdi], "0707"
	assert_eq dword [r12 + 0x21c], 26
	movzx	ecx, byte [r12 + 0x1e8]		; e820_entries
	assert_above ecx, 1
	assert_eq qword [r12 + 0x2d0], 0	; the first begins at 0, usable
	assert_eq dword [r12 + 0x2d0 + 16], 1
	pass
