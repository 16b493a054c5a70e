; SPDX-License-Identifier: MIT
;@ summary: 2.1.2: a reset takes back the statistics' buffer, actual and poison_val, not the host's wish
;@ device: virtio-balloon,target=5
%include "test.inc"
%include "balloon.inc"
	bl_start BLF_STATS | BLF_POISON
	bl_stats 1
	v_write	BLC_ACTUAL, 3
	v_write	BLC_POISON, 3
	bl_start BLF_STATS
	assert_v BLC_ACTUAL, 0
	assert_v BLC_POISON, 0
	assert_v BLC_NUM_PAGES, 5
	bl_stats 1
	assert_q_none BL_STATS			; the old one is not there any more
	pass
