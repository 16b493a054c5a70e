; SPDX-License-Identifier: MIT
;@ summary: OUT and IN of 1, 2 and 4 bytes from real mode
;@ mode: real
%include "test.inc"
	outl	TD_SCRATCH8, 0xa1b2c3d4
	inb	TD_SCRATCH8 + 3
	assert_eq al, 0xa1
	inw	TD_SCRATCH8 + 1
	assert_eq ax, 0xb2c3
	inl	TD_SCRATCH8
	assert_eq eax, 0xa1b2c3d4
	assert_log_count 4
	assert_log 1, LOG(3, 1)
	assert_log 2, LOG(1, 2)
	pass
