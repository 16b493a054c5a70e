; SPDX-License-Identifier: MIT
;@ summary: the x2APIC's registers are MSRs; what it has not is #GP; the one in memory is gone
;@ machine: pc
;@ device: testdev
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x68
section .data
hits:	dq 0
section .text
	on_vector VECTOR, .handler
	apic_init
	mov	ecx, MSR_X2 + LA_ID / 16
	expect_fault GP, 0, rdmsr
	read_msr MSR_APIC_BASE
	assert_eq eax, LAPIC | 0x900
	write_msr MSR_APIC_BASE, LAPIC | 0xd00
	read_msr MSR_APIC_BASE
	assert_eq eax, LAPIC | 0xd00
	la_read	LA_ID
	assert_eq eax, -1
	read_msr MSR_X2 + LA_LDR / 16
	assert_eq eax, 1
	read_msr MSR_X2 + LA_SVR / 16
	assert_eq eax, 0x1ff
	mov	ecx, MSR_X2 + LA_ID / 16
	mov	eax, 0
	xor	edx, edx
	expect_fault GP, 0, wrmsr
	mov	ecx, MSR_X2 + LA_EOI / 16
	mov	eax, 1
	xor	edx, edx
	expect_fault GP, 0, wrmsr
	mov	ecx, MSR_APIC_BASE
	mov	eax, LAPIC | 0x900
	xor	edx, edx
	expect_fault GP, 0, wrmsr
	sti
	write_msr X2_SELF, VECTOR
	hlt_until qword [hits], 1
	write_msr MSR_X2 + LA_ICR / 16, VECTOR	; to ID 0
	hlt_until qword [hits], 2
	pass
.handler:
	inc	qword [hits]
	write_msr MSR_X2 + LA_EOI / 16, 0
	ret
