; SPDX-License-Identifier: MIT
;@ summary: OUT and IN of 1, 2 and 4 bytes reach the device with their width
%include "test.inc"
	outb	TD_SCRATCH8, 0x11
	outw	TD_SCRATCH8 + 2, 0x2233
	outl	TD_SCRATCH8 + 4, 0x44556677
	inb	TD_SCRATCH8
	assert_eq al, 0x11
	inw	TD_SCRATCH8 + 2
	assert_eq ax, 0x2233
	inl	TD_SCRATCH8 + 4
	assert_eq eax, 0x44556677
	assert_log_count 6
	assert_log 0, LOG(0, 1) | LOG_WRITE
	assert_log 1, LOG(2, 2) | LOG_WRITE
	assert_log 2, LOG(4, 4) | LOG_WRITE
	assert_log 3, LOG(0, 1)
	assert_log 4, LOG(2, 2)
	assert_log 5, LOG(4, 4)
	pass
