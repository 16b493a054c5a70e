; SPDX-License-Identifier: MIT
;@ summary: rings that are misaligned or outside RAM do not make a ready queue
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
%macro refused 3.nolist
	v_write	V_DESC_LOW, %1
	v_write	V_DRIVER_LOW, %2
	v_write	V_DEVICE_LOW, %3
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 0
%endmacro
	v_features 0
	v_write	V_QUEUE_SEL, 0
	v_write	V_QUEUE_NUM, VQ_NUM
	refused	VQ_DESC + 8, VQ_AVAIL, VQ_USED	; 2.7: aligned to 16, 2, 4
	refused	VQ_DESC, VQ_AVAIL + 1, VQ_USED
	refused	VQ_DESC, VQ_AVAIL, VQ_USED + 2
	refused	NO_RAM, VQ_AVAIL, VQ_USED
	refused	VQ_DESC, VIRTIO0, VQ_USED
	refused	VQ_DESC, VQ_AVAIL, 0x1000000 - 8	; over the end of RAM
	v_write	V_DESC_HIGH, 0xffffffff
	refused	0xfffffff0, VQ_AVAIL, VQ_USED	; wraps
	v_write	V_DESC_HIGH, 0
	v_queue	VQ_NUM
	pass
