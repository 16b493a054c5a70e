; SPDX-License-Identifier: MIT
;@ summary: 2.8.10: a packed queue has any size: 1 to 20, each for five rounds and a bit
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	mov	r12d, 1
.size:	mov	edi, VQ_DESC
	mov	ecx, 20 * 16
	xor	eax, eax
	rep	stosb
	mov	dword [VQ_AVAIL], 0
	v_features 0, VF_HI_PACKED
	v_queue	r12d
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	xor	r13d, r13d			; the entry
	mov	r14d, VD_WRITE | VP_ROUND1
	mov	r15d, VD_WRITE | VP_AVAIL | VP_USED
	mov	ebp, 107
.one:	mov	edx, r13d
	shl	edx, 4
	mov	qword [VQ_DESC + rdx], VQ_BUF
	mov	dword [VQ_DESC + rdx + 8], 3
	mov	[VQ_DESC + rdx + 12], bp
	mov	[VQ_DESC + rdx + 14], r14w
	v_kick
	assert_eq word [VQ_DESC + rdx + 14], r15w
	assert_eq word [VQ_DESC + rdx + 12], bp
	assert_eq dword [VQ_DESC + rdx + 8], 3
	inc	r13d
	cmp	r13d, r12d
	jb	.same
	xor	r13d, r13d
	xor	r14d, VP_AVAIL | VP_USED	; the other round
	xor	r15d, VP_AVAIL | VP_USED
.same:	dec	ebp
	jnz	.one
	inc	r12d
	cmp	r12d, 20
	jbe	.size
	pass
