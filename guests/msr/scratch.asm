; SPDX-License-Identifier: MIT
;@ summary: MSRs that are the machine's exit with their number, and carry 64 bits both ways
;@ needs: kvm-msr-exits
;@ exits: msr w 0x4b564d80 0x1122334455667788
;@ exits: msr r 0x4b564d80 0x1122334455667788
;@ exits: msr w 0x4b564d87 0xffffffffffffffff
;@ exits: msr r 0x4b564d87 0xffffffffffffffff
;@ exits: msr r 0x4b564d81 0x0
;@ exits: pio w 0xf4 1 0x0
;@ exits: end exit
%include "test.inc"
	write_msr TD_MSR, 0x1122334455667788
	xor	eax, eax
	xor	edx, edx
	read_msr TD_MSR
	assert_eq eax, 0x55667788
	assert_eq edx, 0x11223344
	write_msr TD_MSR + 7, -1
	read_msr TD_MSR + 7
	assert_eq64 rax, 0xffffffff	; the high halves of RAX and RDX are cleared
	assert_eq64 rdx, 0xffffffff
	read_msr TD_MSR + 1
	assert_eq eax, 0
	pass
