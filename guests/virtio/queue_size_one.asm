; SPDX-License-Identifier: MIT
;@ summary: a queue of one entry works, round and round
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_features 0
	v_queue	1
	v_write	V_STATUS, 15
	v_desc	0, VQ_BUF, 4, VD_WRITE, 0
	mov	r12d, 5
.next:	mov	word [VQ_AVAIL + 4], 0
	inc	word [VQ_AVAIL + 2]
	v_kick
	dec	r12d
	jnz	.next
	assert_used_idx 5
	assert_eq dword [VQ_USED + 8], 4
	pass
