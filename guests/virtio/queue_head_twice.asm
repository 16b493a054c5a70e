; SPDX-License-Identifier: MIT
;@ summary: 2.7.13: a head that is offered while it is in flight breaks the queue: DEVICE_NEEDS_RESET
;@ device: virtio-rng,delay=20000
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_offer	0
	v_kick
	v_offer	0
	v_kick
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK | VS_NEEDS_RESET
	assert_v V_INT_STATUS, 2
	v_wait_us 40
	assert_used_idx 1			; what was in flight comes back all the same
	v_clear_rings
	v_start	0
	v_offer	0
	v_kick
	v_wait_us 40
	assert_used_idx 1
	pass
