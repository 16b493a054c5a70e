; SPDX-License-Identifier: MIT
;@ summary: the buffer of statistics that the device keeps is part of the saved machine
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start BLF_STATS
	bl_stats 1
	hostop	OP_SAVE_LOAD
	assert_eq eax, 0
	bl_stats 1
	assert_q_used BL_STATS, 0
	assert_q_none BL_STATS
	pass
