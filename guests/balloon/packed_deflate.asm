; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: a page that is taken back is the guest's again, over a packed ring
;@ device: virtio-balloon,packed=1
%include "test.inc"
%define Q_PACKED
%include "balloon.inc"
	bl_start 0
	bl_pages BL_INFLATE, BL_PFN + 1
	bl_pages BL_DEFLATE, BL_PFN + 1
	assert_page 1, 0
	mov	edi, BL_PAGES + 4096
	mov	ecx, 4096
	mov	al, 0x77
	rep	stosb
	bl_pages BL_DEFLATE, BL_PFN + 1, BL_PFN + 5
	assert_page 1, 0x77
	assert_page 5, BL_FULL
	pass
