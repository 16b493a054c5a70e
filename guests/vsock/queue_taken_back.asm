; SPDX-License-Identifier: MIT
;@ summary: 4.2.2.2: a queue that is taken back takes no connection with it
;@ device: virtio-vsock
%include "test.inc"
%include "vsock.inc"
	vs_start
	vs_connect 5000, 7
	vs_give	3
	v_write	V_QUEUE_SEL, VS_RXQ
	v_write	V_QUEUE_READY, 0
	vs_send	VS_RW, 5000, 7, 100
	mov	dword [q_next], 0
	mov	dword [q_seen], 0
	mov	dword [q_gave], 0
	mov	dword [Q_BASE + Q_AVAIL], 0
	mov	dword [Q_BASE + Q_USED], 0
	q_setup	VS_RXQ
	vs_give	1
	vs_expect VS_RW, 5000, 7, 100
	pass
