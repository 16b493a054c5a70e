; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.7.2: with PAGE_POISON a reported page becomes nothing but poison_val
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start BLF_REPORT | BLF_POISON
	v_write	BLC_POISON, 0xaaaaaaaa
	assert_v BLC_POISON, 0xaaaaaaaa
	bl_free	BL_REPORT, BL_PAGES + 0x2000, 0x1000, 0x1000
	assert_page 1, BL_FULL
	assert_page 2, 0xaa
	assert_page 3, BL_FULL
	pass
