; SPDX-License-Identifier: MIT
;@ summary: 2.7.4.2: a readable buffer behind a writable one is refused
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE | VD_NEXT, 1
	v_desc	1, VQ_BUF + 16, 16, 0, 0
	v_offer	0
	v_kick
	assert_used_idx 1
	assert_used 0, 0, 0
	assert_zeroes VQ_BUF, 32
	pass
