; SPDX-License-Identifier: MIT
;@ summary: 2.8.8: on a packed ring, too, a buffer that is not used completely ends its batch
;@ device: virtio-rng,packed=1,in_order=1
%include "test.inc"
%include "packed.inc"
	vp_start 0, VF_HI_IN_ORDER
	vp_desc	1, NO_RAM, 8, 21, VD_WRITE | VP_ROUND1
	vp_desc	2, VQ_BUF, 8, 22, VD_WRITE | VP_ROUND1
	vp_desc	3, VQ_BUF, 12, 23, VD_WRITE | VP_ROUND1
	vp_desc	0, VQ_BUF, 8, 20, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 0, 21, VP_AVAIL | VP_USED	; no WRITE: nothing is stored
	assert_vp_used 2, 12, 23, VD_WRITE | VP_AVAIL | VP_USED
	pass
