; SPDX-License-Identifier: MIT
;@ summary: CMPXCHG, CMPXCHG8B, XADD, XCHG and BTS on memory
%include "test.inc"
	mov	dword [SCRATCH], 5
	mov	eax, 5
	mov	ecx, 9
	lock cmpxchg [SCRATCH], ecx
	assert_cc z
	assert_eq dword [SCRATCH], 9
	mov	eax, 1
	mov	edx, 2
	lock cmpxchg8b [SCRATCH + 8]
	assert_cc nz
	assert_eq eax, 0
	assert_eq edx, 0
	mov	ebx, 0x11111111
	mov	ecx, 0x22222222
	lock cmpxchg8b [SCRATCH + 8]
	assert_cc z
	mov	rax, [SCRATCH + 8]
	assert_eq64 rax, 0x2222222211111111
	lock bts dword [SCRATCH + 16], 3
	assert_cc nc
	lock bts dword [SCRATCH + 16], 3
	assert_cc c
	assert_eq dword [SCRATCH + 16], 8
	pass
