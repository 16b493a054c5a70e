; SPDX-License-Identifier: MIT
;@ summary: MOV of 1, 2 and 4 bytes to and from a device in 32-bit code
;@ mode: prot
%include "test.inc"
	mov	ebx, TD
	mov	dword [ebx], 0x11223344
	mov	word [ebx + 4], 0x5566
	mov	byte [ebx + 6], 0x77
	assert_eq byte [ebx + 3], 0x11
	assert_eq word [ebx + 1], 0x2233
	assert_eq dword [ebx + 3], 0x77556611
	assert_log_count 6
	assert_log 3, LOG(3, 1) | LOG_MMIO
	assert_log 4, LOG(1, 2) | LOG_MMIO
	assert_log 5, LOG(3, 4) | LOG_MMIO
	pass
