; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: input that came before the driver waits for it
;@ device: virtio-console
;@ chr: buf:hello\n
%include "test.inc"
%include "console.inc"
	q_start	0, 2
	con_room CQ_RX, 64
	assert_q_used CQ_RX, 6
	assert_eq dword [CON_RX], 'hell'
	assert_eq word [CON_RX + 4], 0x0a6f
	pass
