; SPDX-License-Identifier: MIT
;@ summary: 4.2.3.2: queues are made ready in any order, after DRIVER_OK too, and stopped in any order
;@ device: virtio-blk,queues=4
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
; Queue N has its rings at RINGS + N * 0x1000: descriptors, + 0x400 the driver's, + 0x800 the device's.
RINGS	equ 0x140000
%macro ready 1
	v_write	V_QUEUE_SEL, %1
	v_write	V_QUEUE_NUM, 4
	v_write	V_DESC_LOW, RINGS + (%1) * 0x1000
	v_write	V_DRIVER_LOW, RINGS + (%1) * 0x1000 + 0x400
	v_write	V_DEVICE_LOW, RINGS + (%1) * 0x1000 + 0x800
	v_write	V_QUEUE_READY, 1
	assert_v V_QUEUE_READY, 1
%endmacro
; One more request for queue N; used.idx is then USED.
%macro ask 2
	v_desc_at RINGS + (%1) * 0x1000, 0, BLK_HEADER, 16, VD_NEXT, 1
	v_desc_at RINGS + (%1) * 0x1000, 1, BLK_STATUS, 1, VD_WRITE, 0
	inc	word [RINGS + (%1) * 0x1000 + 0x402]
	v_write	V_QUEUE_NOTIFY, %1
	assert_eq word [RINGS + (%1) * 0x1000 + 0x802], %2
%endmacro
%macro stop 1
	v_write	V_QUEUE_SEL, %1
	v_write	V_QUEUE_READY, 0
	assert_v V_QUEUE_READY, 0
%endmacro
	blk_header BT_GET_ID, 0
	v_features BF_MQ
	ready	3
	ready	1
	v_write	V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	ask	3, 1
	ask	0, 0				; not ready
	ready	0
	ask	1, 1
	ready	2
	ask	0, 2				; both that were on offer
	ask	2, 1
	stop	1
	ask	1, 1
	ask	3, 2
	stop	0
	stop	3
	ask	0, 2
	ask	2, 2
	ask	3, 2
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
