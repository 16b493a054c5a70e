; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.3: the buffer of statistics is kept until the device wants new ones
;@ device: virtio-balloon,stats=50000000
;@ needs.kvm: kvm-shadow
%include "test.inc"
%include "balloon.inc"
	on_vector IRQ_BASE + VIRTIO0_IRQ, .handler
	pic_init 1 << VIRTIO0_IRQ
	bl_start BLF_STATS
	bl_stats 3
	assert_q_none BL_STATS
	sti
	hlt
	cli
	assert_q_used BL_STATS, 0
	bl_stats 10
	assert_q_none BL_STATS
	sti
	hlt
	cli
	assert_q_used BL_STATS, 0
	pass
.handler:
	v_write	V_INT_ACK, 3
	pic_eoi	VIRTIO0_IRQ
	ret
