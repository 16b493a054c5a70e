; SPDX-License-Identifier: MIT
;@ summary: a day is waited for with an alarm in one HLT: 28 February to 1 March of no leap year
;@ device: rtc,time=1740700800
;@ compare: no it reads the time
%include "test.inc"
%include "rtc.inc"
	rtc_interrupt .handler
	rtc_write 1, 0x00
	rtc_write 3, 0x00
	rtc_write 5, 0x00
	rtc_read 7
	assert_eq al, 0x28
	rtc_read 0x0c
	rtc_write 0x0b, 0x22		; AIE, 24 hours
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	rtc_read 0x0c
	assert_set al, 0xa0		; IRQF, AF
	rtc_read 4
	assert_eq al, 0x00
	rtc_read 7
	assert_eq al, 0x01
	rtc_read 8
	assert_eq al, 0x03
	rtc_read 6
	assert_eq al, 7			; a Saturday
	pass
.handler:
	inc	qword [hits]
	pic_eoi	RTC_IRQ
	ret
