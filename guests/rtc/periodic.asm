; SPDX-License-Identifier: MIT
;@ summary: the periodic interrupt at 8192 Hz: 819 of them take a tenth of a second
;@ device: rtc
;@ compare: no it reads the time
%include "test.inc"
%include "rtc.inc"
	rtc_interrupt .handler
	rtc_write 0x0a, 0x23
	rtc_write 0x0b, 0x42		; PIE, 24 hours
	rtc_read 0x0c
	mov	ebx, TD + TDO_TIME
	sti
	hlt
	mov	r12, [rbx]
	mov	qword [hits], 0
.wait:	hlt
	cmp	qword [hits], 819
	jb	.wait
	cli
	mov	r13, [rbx]
	sub	r13, r12
	assert_above r13, 99960000
	assert_below r13, 99990000
	pass
.handler:
	inc	qword [hits]
	rtc_read 0x0c
	pic_eoi	RTC_IRQ
	ret
