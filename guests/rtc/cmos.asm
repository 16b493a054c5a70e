; SPDX-License-Identifier: MIT
;@ summary: the clock's memory keeps what was written; sizes of memory are where a BIOS puts them
;@ device: rtc,mem=64M
%include "test.inc"
%include "rtc.inc"
	rtc_write 0x40, 0x5a
	rtc_write 0x7f, 0xa5
	rtc_read 0x40
	assert_eq al, 0x5a
	rtc_read 0x80 | 0x7f		; the NMI mask is not of the index
	assert_eq al, 0xa5
	rtc_read 0x15			; 640 KiB
	assert_eq al, 0x80
	rtc_read 0x16
	assert_eq al, 0x02
	rtc_read 0x17			; 63 MiB
	assert_eq al, 0x00
	rtc_read 0x18
	assert_eq al, 0xfc
	rtc_read 0x34			; 48 MiB above 16
	assert_eq al, 0x00
	rtc_read 0x35
	assert_eq al, 0x03
	pass
