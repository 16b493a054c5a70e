; SPDX-License-Identifier: MIT
;@ summary: 5.5.2: a queue whose feature was not negotiated does nothing
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start 0
	bl_free	BL_REPORT, BL_PAGES, 4096
	bl_stats 1
	assert_q_used BL_STATS, 0
	assert_page 0, BL_FULL
	v_write	BLC_POISON, 7
	assert_v BLC_POISON, 0
	pass
