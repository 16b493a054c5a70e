; SPDX-License-Identifier: MIT
;@ summary: 2.7.13: a doorbell may be answered later: all that is on offer by then is served, and once
;@ device: virtio-rng,start=20000
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_desc	1, VQ_BUF + 16, 8, VD_WRITE, 0
	v_offer	0
	v_kick
	v_kick
	v_offer	1				; no doorbell of its own
	v_wait_us 30
	assert_used_idx 2
	assert_used 0, 0, 8
	assert_used 1, 1, 8
	assert_v V_INT_STATUS, 1
	v_write	V_INT_ACK, 1
	v_wait_us 30
	assert_used_idx 2
	assert_v V_INT_STATUS, 0
	pass
