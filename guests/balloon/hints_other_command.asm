; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.6: hints under another command than the device's are left alone
;@ device: virtio-balloon,hint_at=50000000
;@ needs.kvm: kvm-shadow
%include "test.inc"
%include "balloon.inc"
	on_vector IRQ_BASE + VIRTIO0_IRQ, .handler
	pic_init 1 << VIRTIO0_IRQ
	bl_start BLF_HINT
	sti
	hlt
	cli
	v_read	BLC_CMD
	inc	eax
	mov	[BL_LIST], eax
	q_offer	BL_HINT, BL_LIST, 4, 0
	q_kick	BL_HINT
	assert_q_used BL_HINT, 0
	bl_free	BL_HINT, BL_PAGES, 4096
	assert_page 0, BL_FULL
	pass
.handler:
	v_write	V_INT_ACK, 3
	pic_eoi	VIRTIO0_IRQ
	ret
