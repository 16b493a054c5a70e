; SPDX-License-Identifier: MIT
;@ summary: 5.1.4: MAC, MTU and queue pairs are what the machine was made with
;@ device: virtio-net,mac=0x020304050607,mtu=1400,pairs=2
;@ net: null
%include "test.inc"
%include "net.inc"
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	assert_set eax, NF_MQ | NF_MTU
	assert_v NET_MAC, 0x05040302
	mov	ebx, VIRTIO0 + NET_PAIRS
	assert_eq word [rbx], 2
	mov	ebx, VIRTIO0 + NET_MTU
	assert_eq word [rbx], 1400
	v_write	V_QUEUE_SEL, 4
	assert_v V_QUEUE_NUM_MAX, 256
	v_write	V_QUEUE_SEL, 5
	assert_v V_QUEUE_NUM_MAX, 0
	pass
