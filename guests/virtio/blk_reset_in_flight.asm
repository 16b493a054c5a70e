; SPDX-License-Identifier: MIT
;@ summary: 2.1.2, 3.3.1: what is under way when the driver resets the device never comes back
;@ device: virtio-blk,delay=1000000
;@ cpu: soft
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	0
	blk_request BT_IN, 0, 512, VD_WRITE
	assert_used_idx 0			; 1 ms to go
	v_write	V_STATUS, 0
	mov	dword [VQ_AVAIL], 0		; the rings anew
	mov	dword [VQ_USED], 0
	v_start	0
	mov	ecx, 3000000
.wait:	dec	ecx
	jnz	.wait
	assert_used_idx 0
	assert_v V_INT_STATUS, 0
	pass
