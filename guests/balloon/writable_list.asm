; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: a list that the device may only write is none
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start 0
	mov	dword [BL_LIST], BL_PFN + 1
	q_offer	BL_INFLATE, BL_LIST, 4, VD_WRITE
	q_kick	BL_INFLATE
	assert_q_used BL_INFLATE, 0
	assert_page 1, BL_FULL
	assert_eq dword [BL_LIST], BL_PFN + 1
	pass
