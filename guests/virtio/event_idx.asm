; SPDX-License-Identifier: MIT
;@ summary: 2.7.7.1: with the event index the interrupt comes when used passes used_event, not before
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
USED_EVENT equ VQ_AVAIL + 4 + 2 * VQ_NUM
	v_start	VF_EVENT_IDX
	mov	word [USED_EVENT], 2	; when the third is used
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_kick
	assert_v V_INT_STATUS, 0
	v_offer	0
	v_kick
	assert_v V_INT_STATUS, 0
	v_offer	0
	v_kick
	assert_v V_INT_STATUS, 1
	assert_used_idx 3
	pass
