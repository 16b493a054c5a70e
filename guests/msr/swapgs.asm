; SPDX-License-Identifier: MIT
;@ summary: SWAPGS changes GS base and KERNEL_GS_BASE over
%include "test.inc"
	write_msr MSR_GS_BASE, 0x1000
	write_msr MSR_KERNEL_GS, 0x2000
	swapgs
	read_msr MSR_GS_BASE
	assert_eq eax, 0x2000
	read_msr MSR_KERNEL_GS
	assert_eq eax, 0x1000
	pass
