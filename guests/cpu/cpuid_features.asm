; SPDX-License-Identifier: MIT
;@ summary: CPUID leaf 1 shows the template's features and no others
;@ needs: kvm-cpuid-cpl0
%include "test.inc"
	mov	eax, 1
	cpuid
	assert_eq ecx, 0x80000000	; a hypervisor, nothing else
	assert_eq edx, 0x0789a97d
	pass
