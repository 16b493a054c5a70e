; SPDX-License-Identifier: MIT
;@ summary: 2.8.1: the wrap counters turn with each round of the ring
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0
%assign i 0
%rep VP_NUM
	vp_desc	i, VQ_BUF, 8, i, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used i, 8, i, VD_WRITE | VP_AVAIL | VP_USED
%assign i i + 1
%endrep
	; what is left of the first round is not available in the second
	v_kick
	assert_vp_used 0, 8, 0, VD_WRITE | VP_AVAIL | VP_USED
	; a list over the end: its entries are of two rounds
%assign i 0
%rep VP_NUM - 1
	vp_desc	i, VQ_BUF, 8, i, VD_WRITE | VP_ROUND2
	v_kick
	assert_vp_used i, 8, i, VD_WRITE
%assign i i + 1
%endrep
	vp_desc	0, VQ_BUF, 8, 7, VD_WRITE | VP_ROUND1
	vp_desc	VP_NUM - 1, VQ_BUF, 8, 7, VD_WRITE | VD_NEXT | VP_ROUND2
	v_kick
	assert_vp_used VP_NUM - 1, 16, 7, VD_WRITE
	vp_desc	1, VQ_BUF, 4, 8, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 1, 4, 8, VD_WRITE | VP_AVAIL | VP_USED
	pass
