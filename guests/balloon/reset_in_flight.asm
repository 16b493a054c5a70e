; SPDX-License-Identifier: MIT
;@ summary: 3.3.1: a list that is under way when the driver resets the device never comes back
;@ device: virtio-balloon,delay=1000000
;@ cpu: soft
%include "test.inc"
%include "balloon.inc"
	bl_start 0
	mov	dword [BL_LIST], BL_PFN
	q_offer	BL_INFLATE, BL_LIST, 4, 0
	q_kick	BL_INFLATE
	assert_q_none BL_INFLATE		; 1 ms to go
	assert_page 0, 0
	q_start	0, 5
	mov	ecx, 3000000
.wait:	dec	ecx
	jnz	.wait
	assert_q_none BL_INFLATE
	pass
