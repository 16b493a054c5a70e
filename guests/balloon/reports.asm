; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.7: pages that are reported free read as zero
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start BLF_REPORT
	bl_free	BL_REPORT, BL_PAGES + 0x2000, 0x2000, 0x2000
	assert_page 1, BL_FULL
	assert_page 2, 0
	assert_page 3, 0
	assert_page 4, BL_FULL
	pass
