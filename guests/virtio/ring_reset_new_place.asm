; SPDX-License-Identifier: MIT
;@ summary: 2.6.1.2: after its reset a queue may have another size and lie elsewhere
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	0, VF_HI_RING_RESET
	v_write	V_QUEUE_RESET, 1
	v_write	V_QUEUE_NUM, 2
	v_write	V_DESC_LOW, VQ_TABLE
	v_write	V_DRIVER_LOW, VQ_TABLE + 0x100
	v_write	V_DEVICE_LOW, VQ_TABLE + 0x200
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
	v_desc_at VQ_TABLE, 0, VQ_BUF, 16, VD_WRITE, 0
	v_desc_at VQ_TABLE, 1, VQ_BUF, 24, VD_WRITE, 0
	mov	dword [VQ_TABLE + 0x104], 0x10000	; heads 0 and 1
	mov	word [VQ_TABLE + 0x102], 2
	v_kick
	assert_eq word [VQ_TABLE + 0x202], 2
	assert_eq dword [VQ_TABLE + 0x208], 16
	assert_eq dword [VQ_TABLE + 0x210], 24
	assert_used_idx 0
	; the third one goes round
	mov	word [VQ_TABLE + 0x102], 3
	v_kick
	assert_eq word [VQ_TABLE + 0x202], 3
	pass
