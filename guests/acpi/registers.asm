; SPDX-License-Identifier: MIT
;@ summary: PM1's blocks in all widths: ACPI mode stays on, status bits are clear, enables stay
;@ device: acpi-pm
%include "test.inc"
	inw	PM1_CNT
	assert_eq ax, 1
	outw	PM1_CNT, 0
	in	ax, dx
	assert_eq ax, 1
	inl	PM1_STS
	assert_eq eax, 0
	outl	PM1_STS, 0x0100ffff	; clear all, enable the power button
	in	eax, dx
	assert_eq eax, 0x01000000
	inb	PM1_EN + 1
	assert_eq al, 1
	outw	PM1_EN, 0
	in	ax, dx
	assert_eq ax, 0
	pass
