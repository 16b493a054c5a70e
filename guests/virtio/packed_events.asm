; SPDX-License-Identifier: MIT
;@ summary: 2.8.9: used events: on, off, and for one entry
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start VF_EVENT_IDX
	vp_event 0, VP_DISABLE
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	assert_v V_INT_STATUS, 0
	vp_event 2 | VP_WRAP, VP_AT
	vp_desc	1, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	assert_v V_INT_STATUS, 0
	vp_desc	2, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	assert_v V_INT_STATUS, 1
	v_write	V_INT_ACK, 1
	; the device tells which entry rings next
	assert_eq word [VQ_USED], 3 | VP_WRAP
	assert_eq word [VQ_USED + 2], VP_AT
	pass
