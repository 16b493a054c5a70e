; SPDX-License-Identifier: MIT
;@ summary: 2.7.13: avail.idx and used.idx go on from 65535 to 0, in the middle of what one doorbell offers
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0
	xor	ecx, ecx
.fill:	mov	edx, ecx
	shl	edx, 4
	mov	qword [VQ_DESC + rdx], VQ_BUF
	mov	dword [VQ_DESC + rdx + 8], 1
	mov	dword [VQ_DESC + rdx + 12], VD_WRITE
	mov	[VQ_AVAIL + 4 + rcx * 2], cx
	inc	ecx
	cmp	ecx, VQ_NUM
	jb	.fill
	mov	word [VQ_AVAIL + 2], 5		; so that it does not meet 65536
	v_kick
	assert_used_idx 5
	mov	r12d, 5
.turn:	add	r12d, VQ_NUM
	mov	[VQ_AVAIL + 2], r12w
	v_kick
	assert_used_idx r12w
	cmp	r12d, 0x10020
	jb	.turn
	v_read	V_STATUS
	assert_clear eax, VS_NEEDS_RESET
	pass
