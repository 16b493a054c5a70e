; SPDX-License-Identifier: MIT
;@ summary: 2.7: a queue of 32768 entries, all of them offered at once, twice: idx goes round at 65536
;@ device: virtio-rng,queue_max=32768
%include "test.inc"
%include "virtio.inc"
NUM	equ 32768
DESC	equ 0x200000
AVAIL	equ 0x280000
USED	equ 0x2a0000
	v_features 0
	v_write	V_QUEUE_SEL, 0
	assert_v V_QUEUE_NUM_MAX, NUM
	v_write	V_QUEUE_NUM, NUM
	v_write	V_DESC_LOW, DESC
	v_write	V_DRIVER_LOW, AVAIL
	v_write	V_DEVICE_LOW, USED
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	xor	ecx, ecx
.fill:	mov	edx, ecx
	shl	edx, 4
	mov	qword [DESC + rdx], VQ_BUF
	mov	dword [DESC + rdx + 8], 1
	mov	dword [DESC + rdx + 12], VD_WRITE
	mov	[AVAIL + 4 + rcx * 2], cx
	inc	ecx
	cmp	ecx, NUM
	jb	.fill
	mov	word [AVAIL + 2], NUM
	v_kick
	assert_eq word [USED + 2], NUM
	assert_eq dword [USED + 4 + (NUM - 1) * 8], NUM - 1
	mov	word [AVAIL + 2], 0		; 65536
	v_kick
	assert_eq word [USED + 2], 0
	mov	word [AVAIL + 2], 1
	v_kick
	assert_eq word [USED + 2], 1
	v_read	V_STATUS
	assert_clear eax, VS_NEEDS_RESET
	pass
