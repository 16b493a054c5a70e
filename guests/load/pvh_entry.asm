; SPDX-License-Identifier: MIT
;@ summary: PVH: entered in protected mode where the note says, start info in EBX, initrd as a module
;@ mode: prot
;@ load: pvh
;@ cmdline: first second=2
;@ initrd: the one module
%define OWN_ENTRY
%include "test.inc"
; xen/include/public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY
section .pvh note alloc noexec nowrite align=4
	dd	4, 4, 18
	db	"Xen", 0
	dd	entry
section .entry progbits alloc exec nowrite align=16
bits 32
global _start
_start:	mov	al, 99			; e_entry is not where PVH starts
	out	DEBUG_EXIT, al
	hlt
entry:	mov	[SCRATCH], esp
	mov	esp, STACK_TOP
	mov	edx, cr0
	mov	ecx, cr4
	jmp	rt_main
section .text
rt_main:
	and	edx, 0xe0000001		; PE, and neither caches off nor paging on
	assert_eq edx, 1
	assert_eq ecx, 0
	pushfd
	pop	eax
	assert_clear eax, FLAG_IF
	mov	esi, ebx
	assert_eq dword [esi], 0x336ec578	; XEN_HVM_START_MAGIC_VALUE
	assert_eq dword [esi + 4], 1	; version
	assert_eq dword [esi + 8], 0	; flags
	assert_eq dword [esi + 12], 1	; nr_modules
	mov	edi, [esi + 24]		; cmdline_paddr
	assert_eq dword [edi], "firs"
	assert_eq dword [edi + 4], "t se"
	mov	edi, [esi + 16]		; modlist_paddr
	assert_eq dword [edi + 8], 14
	mov	edi, [edi]
	assert_eq dword [edi], "the "
	; the memory map: some entry is RAM from 1 MiB to the end
	mov	ecx, [esi + 48]		; memmap_entries
	mov	edi, [esi + 40]		; memmap_paddr
	xor	eax, eax
.entry:	cmp	dword [edi + 16], 1
	jne	.skip
	cmp	dword [edi], 0x100000
	jne	.skip
	mov	eax, [edi + 8]
.skip:	add	edi, 24
	loop	.entry
	assert_eq eax, 15 << 20
	pass
