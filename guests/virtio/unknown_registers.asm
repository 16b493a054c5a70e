; SPDX-License-Identifier: MIT
;@ summary: offsets without a register read 0 and ignore writes; read-only registers stay
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_write	0x018, 0xffffffff
	assert_v 0x018, 0
	assert_v 0x0f0, 0
	v_write	V_MAGIC, 0
	assert_v V_MAGIC, V_MAGIC_VALUE
	v_write	V_DEVICE_ID, 9
	assert_v V_DEVICE_ID, V_ID_RNG
	assert_v V_QUEUE_NUM, 0		; write-only
	assert_v V_QUEUE_NOTIFY, 0
	pass
