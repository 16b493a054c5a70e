; SPDX-License-Identifier: MIT
;@ summary: 2.7.5.1: a next index beyond the table ends the chain in an error of its own
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE | VD_NEXT, VQ_NUM
	v_offer	0
	v_desc	1, VQ_BUF, 16, VD_WRITE | VD_NEXT, 0xffff
	v_offer	1
	v_kick
	assert_used_idx 2
	assert_used 0, 0, 0
	assert_used 1, 1, 0
	assert_zeroes VQ_BUF, 16
	pass
