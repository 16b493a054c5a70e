; SPDX-License-Identifier: MIT
;@ summary: 2.7: a split queue of every power of two up to QueueNumMax works, filled and round its end
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
; Places for a queue of up to 256.
DESC	equ 0x130000
AVAIL	equ 0x132000
USED	equ 0x133000
	mov	r12d, 1
.size:	mov	edi, DESC
	mov	ecx, 0x4000
	xor	eax, eax
	rep	stosb
	v_features 0
	v_write	V_QUEUE_SEL, 0
	v_write	V_QUEUE_NUM, r12d
	v_write	V_DESC_LOW, DESC
	v_write	V_DRIVER_LOW, AVAIL
	v_write	V_DEVICE_LOW, USED
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	; each descriptor a byte, each entry its descriptor
	xor	ecx, ecx
.fill:	mov	edx, ecx
	shl	edx, 4
	mov	qword [DESC + rdx], VQ_BUF
	mov	dword [DESC + rdx + 8], 1
	mov	dword [DESC + rdx + 12], VD_WRITE
	mov	[AVAIL + 4 + rcx * 2], cx
	inc	ecx
	cmp	ecx, r12d
	jb	.fill
	xor	r13d, r13d
.turn:	add	r13d, r12d			; as many as there are, three times
	mov	[AVAIL + 2], r13w
	v_kick
	assert_eq word [USED + 2], r13w
	assert_eq dword [USED + 4], 0
	lea	edx, [r12 - 1]
	assert_eq dword [USED + 4 + rdx * 8], edx
	assert_eq dword [USED + 8 + rdx * 8], 1
	lea	ecx, [r12 * 2 + r12]
	cmp	r13d, ecx
	jb	.turn
	shl	r12d, 1
	cmp	r12d, 256
	jbe	.size
	pass
