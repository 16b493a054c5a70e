; SPDX-License-Identifier: MIT
;@ summary: 2.8.17: a list that goes all round the ring breaks the queue: DEVICE_NEEDS_RESET
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start 0
%assign i 0
%rep VP_NUM
	vp_desc	i, VQ_BUF, 8, i, VD_WRITE | VD_NEXT | VP_ROUND1
%assign i i + 1
%endrep
	v_kick
	v_read	V_STATUS
	assert_set eax, VS_NEEDS_RESET
	vp_start 0			; which mends it
	vp_desc	0, VQ_BUF, 8, 1, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 8, 1, VD_WRITE | VP_AVAIL | VP_USED
	pass
