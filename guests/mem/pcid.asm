; SPDX-License-Identifier: MIT
;@ summary: CR4.PCIDE, PCIDs in CR3 with and without bit 63, the types of INVPCID: each address space has its own page
;@ cpu-model: v2
;@ cpu: soft
%include "test.inc"
VA	equ 0x40000000		; by entry 1 of the PDPT
PML4B	equ SCRATCH
PDPTB	equ SCRATCH + 0x1000
PDB	equ SCRATCH + 0x2000
PAGEA	equ 0x400000		; 2 MiB each
PAGEB	equ 0x600000
FLAGS	equ 0xe7
CR4_PCIDE equ 1 << 17
NOFLUSH	equ 1 << 63
	mov	rsi, rt_pml4
	mov	rdi, PML4B
	mov	ecx, 512
	rep movsq
	mov	rsi, rt_pdpt
	mov	ecx, 512
	rep movsq
	mov	qword [PML4B], PDPTB + 7
	mov	qword [PDPTB + 8], PDB + 7
	mov	qword [PDB], PAGEB + FLAGS
	mov	qword [rt_pd + 0x1000], PAGEA + FLAGS
	mov	dword [PAGEA], 0xaaaa
	mov	dword [PAGEB], 0xbbbb
	mov	r13, rt_pml4
; A PCID in CR3 keeps PCIDE off; without PCIDE bits 0 to 11 mean nothing much.
	lea	rax, [r13 + 8]
	mov	cr3, rax
	mov	rax, cr4
	or	rax, CR4_PCIDE
	expect_fault GP, 0, mov cr4, rax
	mov	cr3, r13
	mov	cr4, rax
	mov	rbx, cr0
	btr	rbx, 31
	expect_fault GP, 0, mov cr0, rbx
	assert_eq dword [VA], 0xaaaa
	mov	rcx, NOFLUSH
	lea	rbp, [PML4B + 5]
	or	rbp, rcx
	mov	cr3, rbp
	assert_eq dword [VA], 0xbbbb
	mov	rax, cr3
	assert_eq64 rax, PML4B + 5	; bit 63 is not kept
	lea	r12, [r13 + 4]
	mov	cr3, r12
	assert_eq dword [VA], 0xaaaa
	mov	cr3, rbp
	assert_eq dword [VA], 0xbbbb
; Another page for each, then INVPCID: by address, of a PCID, all, all but global ones.
%assign kind 0
%rep 4
	mov	qword [PDB], (kind & 1 ? PAGEB : PAGEA) + FLAGS
	mov	qword [.desc], 5
	mov	qword [.desc + 8], VA
	mov	eax, kind
	invpcid	rax, [.desc]
	assert_eq dword [VA], kind & 1 ? 0xbbbb : 0xaaaa
%assign kind kind + 1
%endrep
; Of the other space too, which is not in CR3 now.
	mov	qword [rt_pd + 0x1000], PAGEB + FLAGS
	mov	qword [.desc], 4
	xor	eax, eax
	invpcid	rax, [.desc]
	mov	rcx, NOFLUSH
	or	r12, rcx
	mov	cr3, r12
	assert_eq dword [VA], 0xbbbb
; What it refuses.
	mov	eax, 4
	expect_fault GP, 0, invpcid rax, [.desc]
	mov	qword [.desc], 0x1000
	mov	eax, 1
	expect_fault GP, 0, invpcid rax, [.desc]
	mov	qword [.desc], 0
	mov	rcx, 1 << 62
	mov	[.desc + 8], rcx
	xor	eax, eax
	expect_fault GP, 0, invpcid rax, [.desc]
	mov	cr3, r13
	mov	rax, cr4
	btr	rax, 17
	mov	cr4, rax
	mov	qword [.desc + 8], VA
	mov	qword [.desc], 1
	xor	eax, eax
	expect_fault GP, 0, invpcid rax, [.desc]	; a PCID without PCIDE
	pass
section .data align=16
.desc:	dq	0, 0
section .text
