; SPDX-License-Identifier: MIT
;@ summary: 32-bit paging without PAE, 4 MiB and 4 KiB pages
;@ mode: prot
;@ needs: kvm-paging32
%include "test.inc"
PD	equ SCRATCH
PT	equ SCRATCH + 0x1000
	mov	edi, PD
	mov	eax, 0x83		; P W PS, identity
	mov	ecx, 1024
.pd:	stosd
	add	eax, 0x400000
	loop	.pd
	mov	dword [PD + 4 * 2], PT + 3	; 8 MiB: by a page table
	mov	dword [PT], SCRATCH + 0x5000 + 3
	set_bits cr4, 0x10		; PSE
	mov	eax, PD
	mov	cr3, eax
	set_bits cr0, 0x80000000
	mov	dword [0x800010], 0xbeef
	assert_eq dword [SCRATCH + 0x5010], 0xbeef
	pass
