; SPDX-License-Identifier: MIT
;@ summary: 2.7.9: four buffers used in order are one entry, of the last, at the place of the first
;@ device: virtio-rng,in_order=1
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_IN_ORDER
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_desc	1, VQ_BUF + 0x100, 16, VD_WRITE, 0
	v_desc	2, VQ_BUF + 0x200, 24, VD_WRITE, 0
	v_desc	3, VQ_BUF + 0x300, 32, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_offer	2
	v_offer	3
	v_kick
	assert_used_idx 4
	assert_used 0, 3, 32
	assert_used 1, 0, 0			; skipped, as it was
	assert_used 3, 0, 0
	assert_filled VQ_BUF, 8
	assert_filled VQ_BUF + 0x100, 16
	assert_filled VQ_BUF + 0x200, 24
	assert_filled VQ_BUF + 0x300, 32
	; the next batch is behind it
	v_desc	4, VQ_BUF, 40, VD_WRITE, 0
	v_offer	4
	v_kick
	assert_used_idx 5
	assert_used 4, 4, 40
	pass
