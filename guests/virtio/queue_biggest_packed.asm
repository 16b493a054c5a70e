; SPDX-License-Identifier: MIT
;@ summary: 2.8: a packed ring of 32768 entries, full, in two rounds
;@ device: virtio-rng,queue_max=32768,packed=1
%include "test.inc"
%include "packed.inc"
NUM	equ 32768
DESC	equ 0x200000
	v_features 0, VF_HI_PACKED
	v_write	V_QUEUE_SEL, 0
	v_write	V_QUEUE_NUM, NUM
	v_write	V_DESC_LOW, DESC
	v_write	V_DRIVER_LOW, VQ_AVAIL
	v_write	V_DEVICE_LOW, VQ_USED
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	mov	r14d, VD_WRITE | VP_ROUND1
	mov	r15d, VD_WRITE | VP_AVAIL | VP_USED
	mov	r12d, 2
.round:	xor	ecx, ecx
.fill:	mov	edx, ecx
	shl	edx, 4
	mov	qword [DESC + rdx], VQ_BUF
	mov	dword [DESC + rdx + 8], 1
	mov	[DESC + rdx + 12], cx
	mov	[DESC + rdx + 14], r14w
	inc	ecx
	cmp	ecx, NUM
	jb	.fill
	v_kick
	assert_eq word [DESC + 14], r15w
	assert_eq word [DESC + (NUM - 1) * 16 + 14], r15w
	assert_eq word [DESC + (NUM - 1) * 16 + 12], NUM - 1
	xor	r14d, VP_AVAIL | VP_USED
	xor	r15d, VP_AVAIL | VP_USED
	dec	r12d
	jnz	.round
	pass
