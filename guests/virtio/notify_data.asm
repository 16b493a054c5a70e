; SPDX-License-Identifier: MIT
;@ summary: 2.9: with NOTIFICATION_DATA a doorbell says the queue and avail.idx, over the ring's end
;@ device: virtio-rng,notify_data=1
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_NOTIFY_DATA
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	mov	r12d, 1
.next:	v_offer	0
	mov	edx, r12d
	shl	edx, 16
	v_write	V_QUEUE_NOTIFY, edx
	assert_used_idx r12w
	v_write	V_QUEUE_NOTIFY, edx		; once more, nothing new
	assert_used_idx r12w
	inc	r12d
	cmp	r12d, 3 * VQ_NUM
	jb	.next
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
