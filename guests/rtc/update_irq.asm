; SPDX-License-Identifier: MIT
;@ summary: the update interrupt comes each second, and not again until register C was read
;@ device: rtc
;@ compare: no it reads the time
;@ exit: hlt
%include "test.inc"
%include "rtc.inc"
	rtc_interrupt .handler
	rtc_write 0x0b, 0x12		; UIE, 24 hours
	mov	ebx, TD + TDO_TIME
	sti
	hlt
	mov	r12, [rbx]
	rtc_read 0x0a
	assert_clear al, 0x80		; it is over
	rtc_read 0
	assert_eq al, 0x01
	rtc_read 0x0c			; IRQF, UF, and PF at 1024 Hz
	assert_eq al, 0xd0
	hlt
	mov	r13, [rbx]
	rtc_read 0
	assert_eq al, 0x02
	sub	r13, r12
	assert_above r13, 999990000
	assert_below r13, 1000010000
	assert_eq qword [hits], 2
	hlt				; C was not read: nothing comes any more
	unreachable
.handler:
	inc	qword [hits]
	pic_eoi	RTC_IRQ
	ret
