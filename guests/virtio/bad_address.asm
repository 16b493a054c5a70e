; SPDX-License-Identifier: MIT
;@ summary: a buffer outside RAM, in a device, over RAM's end, or wrapping fails its request only
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, NO_RAM, 16, VD_WRITE, 0
	v_desc	1, VIRTIO0, 16, VD_WRITE, 0
	v_desc	2, 0x1000000 - 8, 16, VD_WRITE, 0
	v_desc	3, -8, 16, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_offer	2
	v_offer	3
	v_kick
	assert_used_idx 4
	assert_used 0, 0, 0
	assert_used 1, 1, 0
	assert_used 2, 2, 0
	assert_used 3, 3, 0
	assert_eq qword [0x1000000 - 8], 0
	assert_v V_STATUS, 15
	v_desc	4, 0x1000000 - 16, 16, VD_WRITE, 0	; the very last bytes are fine
	v_offer	4
	v_kick
	assert_used_idx 5
	assert_used 4, 4, 16
	assert_filled 0x1000000 - 16, 16
	pass
