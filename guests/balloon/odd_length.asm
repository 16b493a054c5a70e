; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: what is left of a list that is no whole number of entries is not looked at
;@ device: virtio-balloon
%include "test.inc"
%include "balloon.inc"
	bl_start 0
	mov	dword [BL_LIST], BL_PFN + 1
	mov	dword [BL_LIST + 4], BL_PFN + 2
	q_offer	BL_INFLATE, BL_LIST, 7, 0
	q_kick	BL_INFLATE
	assert_q_used BL_INFLATE, 0
	assert_page 1, 0
	assert_page 2, BL_FULL
	pass
