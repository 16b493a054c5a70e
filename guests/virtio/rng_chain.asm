; SPDX-License-Identifier: MIT
;@ summary: 2.7.5: a chain of three descriptors is filled as one buffer
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	2, VQ_BUF, 16, VD_WRITE | VD_NEXT, 5
	v_desc	5, VQ_BUF + 0x100, 32, VD_WRITE | VD_NEXT, 1
	v_desc	1, VQ_BUF + 0x200, 8, VD_WRITE, 0
	v_offer	2
	v_kick
	assert_used_idx 1
	assert_used 0, 2, 56
	assert_filled VQ_BUF, 16
	assert_zeroes VQ_BUF + 16, 0xf0
	assert_filled VQ_BUF + 0x100, 32
	assert_filled VQ_BUF + 0x200, 8
	assert_zeroes VQ_BUF + 0x208, 8
	pass
