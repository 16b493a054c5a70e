; SPDX-License-Identifier: MIT
;@ summary: the periodic interrupt at 8192 Hz: 819 of them take a tenth of a second
;@ device: rtc
;@ compare: no it reads the time
%include "test.inc"
; AL from byte N of the clock.
%macro rtc_read 1.nolist
	mov	al, %1
	out	RTC_INDEX, al
	in	al, RTC_DATA
%endmacro
; Byte N of the clock. Changes al.
%macro rtc_write 2.nolist
	mov	al, %1
	out	RTC_INDEX, al
	mov	al, %2
	out	RTC_DATA, al
%endmacro
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + RTC_IRQ, .handler
	pic_init 1 << RTC_IRQ
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
