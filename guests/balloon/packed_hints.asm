; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.6: pages that are hinted under the device's command are dropped; STOP ends it, over a packed ring
;@ device: virtio-balloon,hint_at=50000000,packed=1
;@ needs.kvm: kvm-shadow
%include "test.inc"
%define Q_PACKED
%include "balloon.inc"
	on_vector IRQ_BASE + VIRTIO0_IRQ, .handler
	pic_init 1 << VIRTIO0_IRQ
	bl_start BLF_HINT
	sti
	hlt
	cli
	v_read	BLC_CMD
	assert_above eax, BL_CMD_DONE
	mov	[BL_LIST], eax
	q_offer	BL_HINT, BL_LIST, 4, 0
	q_kick	BL_HINT
	assert_q_used BL_HINT, 0
	bl_free	BL_HINT, BL_PAGES + 0x1001, 0x3000
	assert_page 1, BL_FULL			; whole pages only
	assert_page 2, 0
	assert_page 3, 0
	assert_page 4, BL_FULL
	mov	dword [BL_LIST], BL_CMD_STOP
	q_offer	BL_HINT, BL_LIST, 4, 0
	q_kick	BL_HINT
	assert_q_used BL_HINT, 0
	assert_v BLC_CMD, BL_CMD_DONE
	bl_free	BL_HINT, BL_PAGES + 0x8000, 4096
	assert_page 8, BL_FULL
	pass
.handler:
	v_write	V_INT_ACK, 3
	pic_eoi	VIRTIO0_IRQ
	ret
