; SPDX-License-Identifier: MIT
;@ summary: the clock starts where its option says: 29 February 2024, 12:34:56, a Thursday, BCD, 24 hours
;@ device: rtc,time=1709210096
%include "test.inc"
%include "rtc.inc"
	rtc_read 0x0d			; the battery is good
	assert_eq al, 0x80
	rtc_read 0x0b
	assert_eq al, 0x02
	rtc_read 0x0a			; no update for long
	assert_eq al, 0x26
	rtc_read 0
	assert_eq al, 0x56
	rtc_read 2
	assert_eq al, 0x34
	rtc_read 4
	assert_eq al, 0x12
	rtc_read 6
	assert_eq al, 5
	rtc_read 7
	assert_eq al, 0x29
	rtc_read 8
	assert_eq al, 0x02
	rtc_read 9
	assert_eq al, 0x24
	rtc_read 0x32
	assert_eq al, 0x20
	pass
