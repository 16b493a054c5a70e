; SPDX-License-Identifier: MIT
;@ summary: CPUID is the template's: vendor, hypervisor leaf, limits, brand string
%include "test.inc"
	xor	eax, eax
	cpuid
	assert_eq eax, 7
	assert_eq ebx, "Genu"
	assert_eq edx, "ineI"
	assert_eq ecx, "ntel"
	mov	eax, 1
	cpuid
	assert_eq eax, 0x6fb
	mov	eax, 0x40000000
	cpuid
	assert_eq eax, 0x40000000
	assert_eq ebx, "Vise"
	mov	eax, 0x80000000
	cpuid
	assert_eq eax, 0x80000008
	mov	eax, 0x80000008
	cpuid
	assert_eq ax, 0x3027		; 39 physical, 48 linear bits
	pass
