; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.3: of two buffers of statistics the first comes back at once
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start BLF_STATS
	bl_stats 2
	assert_q_none BL_STATS
	bl_stats 2
	assert_q_used BL_STATS, 0
	assert_q_none BL_STATS
	pass
