; SPDX-License-Identifier: MIT
;@ summary: FS and GS bases come from their MSRs, and a non-canonical one is refused
;@ xfail: kvm kvm-fsbase-canonical an emulated CPU that does not check it
%include "test.inc"
	mov	dword [SCRATCH + 0x100], 0x1111
	mov	dword [SCRATCH + 0x200], 0x2222
	write_msr MSR_FS_BASE, SCRATCH
	write_msr MSR_GS_BASE, SCRATCH + 0x100
	mov	eax, [fs:0x100]
	assert_eq eax, 0x1111
	mov	eax, [gs:0x100]
	assert_eq eax, 0x2222
	mov	ecx, MSR_FS_BASE
	xor	eax, eax
	mov	edx, 0x80000000
	expect_fault GP, 0, wrmsr
	read_msr MSR_FS_BASE
	assert_eq eax, SCRATCH
	assert_eq edx, 0
	pass
