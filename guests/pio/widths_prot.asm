; SPDX-License-Identifier: MIT
;@ summary: OUT and IN of 1, 2 and 4 bytes from 32-bit code
;@ mode: prot
%include "test.inc"
	outl	TD_SCRATCH8, 0xa1b2c3d4
	inb	TD_SCRATCH8
	assert_eq al, 0xd4
	inb	TD_SCRATCH8 + 1
	assert_eq al, 0xc3
	inw	TD_SCRATCH8 + 2
	assert_eq ax, 0xa1b2
	assert_log_count 4
	assert_log 0, LOG(0, 4) | LOG_WRITE
	assert_log 3, LOG(2, 2)
	pass
