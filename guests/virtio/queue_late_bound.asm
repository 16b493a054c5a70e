; SPDX-License-Identifier: MIT
;@ summary: more requests than a device keeps in flight (32): what is beyond comes back at once
;@ device: virtio-rng,delay=20000
%include "test.inc"
%include "virtio.inc"
NUM	equ 64
	v_features 0
	v_queue	NUM
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	xor	ecx, ecx
.fill:	mov	edx, ecx
	shl	edx, 4
	mov	qword [VQ_DESC + rdx], VQ_BUF
	mov	dword [VQ_DESC + rdx + 8], 1
	mov	dword [VQ_DESC + rdx + 12], VD_WRITE
	mov	[VQ_AVAIL + 4 + rcx * 2], cx
	inc	ecx
	cmp	ecx, NUM
	jb	.fill
	mov	word [VQ_AVAIL + 2], 40
	v_kick
	assert_used_idx 8
	assert_eq dword [VQ_USED + 4], 32
	v_wait_us 40
	assert_used_idx 40
	pass
