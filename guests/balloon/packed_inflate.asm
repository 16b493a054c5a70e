; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: pages that are given away read as zero, their neighbours stay, over a packed ring
;@ device: virtio-balloon,packed=1
%include "test.inc"
%define Q_PACKED
%include "balloon.inc"
	bl_start 0
	bl_pages BL_INFLATE, BL_PFN + 1, BL_PFN + 2, BL_PFN + 9, BL_PFN + 8
	assert_page 0, BL_FULL
	assert_page 1, 0
	assert_page 2, 0
	assert_page 3, BL_FULL
	assert_page 7, BL_FULL
	assert_page 8, 0
	assert_page 9, 0
	assert_page 10, BL_FULL
	pass
