; SPDX-License-Identifier: MIT
;@ summary: 5.3.4: a character goes out before anything is set up
;@ device: virtio-console
;@ chr: loop
%include "test.inc"
%include "console.inc"
	mov	ebx, VIRTIO0 + CC_EMERG
	mov	dword [rbx], 'E'
	mov	byte [rbx], 'm'
	; where it loops back to is the port itself
	q_start	0, 2
	mov	qword [CON_RX], 0
	con_room CQ_RX, 16
	assert_q_used CQ_RX, 2
	assert_eq word [CON_RX], 'Em'
	pass
