; SPDX-License-Identifier: MIT
;@ summary: in the TSC-deadline mode an interrupt comes when the TSC gets there, at once if it is past; 0 disarms
;@ machine: pc
;@ device: testdev
;@ compare: no it reads the time
;@ exit: hlt
%include "test.inc"
%include "apic.inc"
VECTOR	equ 0x66
AHEAD	equ 1000000
	apic_counts VECTOR
	; not in that mode the MSR is nothing
	write_msr MSR_DEADLINE, 1
	read_msr MSR_DEADLINE
	assert_eq eax, 0
	la_write LA_TIMER, LA_DEADLINE | VECTOR
	la_write LA_INITIAL, 1000	; has no meaning now
	la_read	LA_CURRENT
	assert_eq eax, 0
	rdtsc
	shl	rdx, 32
	lea	r12, [rax + rdx + AHEAD]
	mov	rax, r12
	mov	rdx, r12
	shr	rdx, 32
	mov	ecx, MSR_DEADLINE
	wrmsr
	sti
	hlt_until qword [hits], 1
	read_msr MSR_DEADLINE		; it has been disarmed
	assert_eq eax, 0
	; past: at once
	write_msr MSR_DEADLINE, 1
	hlt_until qword [hits], 2
	; armed and disarmed: it never comes
	cli
	rdtsc
	add	edx, 1
	mov	ecx, MSR_DEADLINE
	wrmsr
	write_msr MSR_DEADLINE, 0
	sti
	hlt
	unreachable
