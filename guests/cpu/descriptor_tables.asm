; SPDX-License-Identifier: MIT
;@ summary: SGDT and SIDT give back what LGDT and LIDT loaded; STR and SLDT the selectors
%include "test.inc"
	sgdt	[SCRATCH]
	assert_eq word [SCRATCH], rt_gdt_end - rt_gdt - 1
	mov	rax, [SCRATCH + 2]
	assert_eq64 rax, rt_gdt
	sidt	[SCRATCH]
	assert_eq word [SCRATCH], 4095
	mov	rax, [SCRATCH + 2]
	assert_eq64 rax, rt_idt
	str	ax
	assert_eq ax, SEL_TSS
	sldt	ax
	assert_eq ax, 0
	pass
