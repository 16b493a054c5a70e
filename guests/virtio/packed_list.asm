; SPDX-License-Identifier: MIT
;@ summary: 2.8.6: a list has one used descriptor, at its first entry, with the ID of its last
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0
	vp_desc	1, VQ_BUF + 0x100, 8, 2, VD_WRITE | VD_NEXT | VP_ROUND1
	vp_desc	2, VQ_BUF + 0x200, 8, 3, VD_WRITE | VP_ROUND1
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VD_NEXT | VP_ROUND1
	v_kick
	assert_vp_used 0, 24, 3, VD_WRITE | VP_AVAIL | VP_USED
	assert_vp_used 1, 8, 2, VD_WRITE | VD_NEXT | VP_ROUND1	; skipped, as it was
	assert_filled VQ_BUF + 0x200, 8
	; the next one is behind the list
	vp_desc	3, VQ_BUF + 0x300, 8, 9, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 3, 8, 9, VD_WRITE | VP_AVAIL | VP_USED
	pass
