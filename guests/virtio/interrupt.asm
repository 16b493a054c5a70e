; SPDX-License-Identifier: MIT
;@ summary: the used-buffer interrupt reaches the CPU on the device's line and falls with its acknowledge
;@ device: virtio-rng
;@ needs.kvm: kvm-shadow
%include "test.inc"
%include "virtio.inc"
section .data
hits:	dq 0
section .text
	on_vector IRQ_BASE + VIRTIO0_IRQ, .handler
	pic_init 1 << VIRTIO0_IRQ
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	sti
	hlt
	cli
	assert_eq qword [hits], 1
	v_offer	0
	v_kick
	sti
	hlt
	cli
	assert_eq qword [hits], 2
	pass
.handler:
	inc	qword [hits]
	v_write	V_INT_ACK, 1
	pic_eoi	VIRTIO0_IRQ
	ret
