; SPDX-License-Identifier: MIT
;@ summary: 2.7.10.1: a driver that rings no doorbell is served with its next one, no sooner
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 8, VD_WRITE, 0
	v_desc	1, VQ_BUF, 8, VD_WRITE, 0
	v_offer	0
	v_wait_us 20
	assert_used_idx 0
	v_offer	1
	v_kick
	assert_used_idx 2
	mov	word [VQ_USED], 0xffff		; the device's flags, which are its own to write: it never reads them
	v_offer	0
	v_kick
	assert_used_idx 3
	pass
