; SPDX-License-Identifier: MIT
;@ summary: a reserved bit in a page table entry is #PF(P, RSVD)
;@ xfail: kvm kvm-pf-reserved an emulated CPU that leaves P out of the error code
%include "test.inc"
TABLE	equ SCRATCH + 0x10000
VA	equ 0x600000
	split2m	VA, TABLE
	map4k	VA, TABLE, 1 << 51 | VA | PTE_P | PTE_W	; above every MAXPHYADDR but 52
	cmp	byte [VA + 0x2000], 0	; whether a walk that fails sets A above is up to the CPU
	expect_fault PF, PF_P | PF_RSVD, mov al, [VA]
	pass
