; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: a new size is told by a configuration interrupt
;@ device: virtio-balloon,target=5,target_at=50000000
;@ needs.kvm: kvm-shadow
%include "test.inc"
%include "balloon.inc"
	on_vector IRQ_BASE + VIRTIO0_IRQ, .handler
	pic_init 1 << VIRTIO0_IRQ
	bl_start 0
	v_read	V_CONFIG_GEN
	mov	r12d, eax
	assert_v BLC_NUM_PAGES, 0
	sti
	hlt
	cli
	assert_eq r13d, 2			; bit 1 of InterruptStatus
	assert_v BLC_NUM_PAGES, 5
	v_read	V_CONFIG_GEN
	assert_ne eax, r12d
	pass
.handler:
	v_read	V_INT_STATUS
	mov	r13d, eax
	v_write	V_INT_ACK, 3
	pic_eoi	VIRTIO0_IRQ
	ret
