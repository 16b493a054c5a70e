; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: pages that are no RAM are left out; the others are given away
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start 0
	bl_pages BL_INFLATE, 0xffffffff, 0xfee00, BL_PFN + 3, VIRTIO0 >> 12, BL_PFN + 5
	assert_page 3, 0
	assert_page 4, BL_FULL
	assert_page 5, 0
	assert_v V_STATUS, 15
	pass
