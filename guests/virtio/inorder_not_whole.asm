; SPDX-License-Identifier: MIT
;@ summary: 2.7.9: a skipped buffer counts as used completely, so one that is not has its own entry
;@ device: virtio-rng,in_order=1
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_IN_ORDER
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_desc	1, NO_RAM, 8, VD_WRITE, 0	; malformed: nothing is stored
	v_desc	2, VQ_BUF + 0x200, 8, VD_WRITE, 0
	v_desc	3, VQ_BUF + 0x300, 12, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_offer	2
	v_offer	3
	v_kick
	assert_used_idx 4
	assert_used 0, 1, 0			; 0 and 1
	assert_used 2, 3, 12			; 2 and 3
	assert_used 1, 0, 0
	assert_used 3, 0, 0
	pass
