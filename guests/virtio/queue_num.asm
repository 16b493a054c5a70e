; SPDX-License-Identifier: MIT
;@ summary: queue sizes of 0, no power of two, over the maximum and 0x10000 do not make a ready queue
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
%macro refused 1.nolist
	v_write	V_QUEUE_NUM, %1
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 0
%endmacro
	v_features 0
	v_write	V_QUEUE_SEL, 0
	v_write	V_DESC_LOW, VQ_DESC
	v_write	V_DRIVER_LOW, VQ_AVAIL
	v_write	V_DEVICE_LOW, VQ_USED
	refused	0
	refused	3
	refused	0x10000
	refused	0x10008
	refused	0x80000000
	v_read	V_QUEUE_NUM_MAX
	lea	ecx, [rax * 2]
	refused	ecx
	v_write	V_QUEUE_NUM, 8
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
	pass
