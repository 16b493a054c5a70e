; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.3: statistics that are not in memory come back at once
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start BLF_STATS
	q_offer	BL_STATS, NO_RAM, 10, 0
	q_kick	BL_STATS
	assert_q_used BL_STATS, 0
	bl_stats 1
	assert_q_none BL_STATS
	pass
