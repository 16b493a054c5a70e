; SPDX-License-Identifier: MIT
;@ summary: 2.7.7: of the driver's flags bit 0 alone counts; with EVENT_IDX not even that
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	mov	word [VQ_AVAIL], 0xfffe		; not 0 or 1: no NO_INTERRUPT
	v_offer	0
	v_kick
	assert_v V_INT_STATUS, 1
	v_write	V_INT_ACK, 1
	mov	word [VQ_AVAIL], 0xffff
	v_offer	0
	v_kick
	assert_used_idx 2
	assert_v V_INT_STATUS, 0
	v_clear_rings
	v_start	VF_EVENT_IDX
	mov	word [VQ_AVAIL], 1
	mov	word [VQ_AVAIL + 4 + VQ_NUM * 2], 0
	v_offer	0
	v_kick
	assert_v V_INT_STATUS, 1
	pass
