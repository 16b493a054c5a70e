; SPDX-License-Identifier: MIT
;@ summary: 4.2.3.3: without NOTIFICATION_DATA all of QueueNotify is the queue: 0x10000 is none
;@ device: virtio-rng,notify_data=1
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_offer	0
	v_write	V_QUEUE_NOTIFY, 1 << 16
	assert_used_idx 0
	v_kick
	assert_used_idx 1
	pass
