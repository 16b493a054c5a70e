; SPDX-License-Identifier: MIT
;@ summary: 5.1.3, 5.1.4: the network device's number, features, MAC and status
;@ device: virtio-net
;@ net: null
%include "test.inc"
%include "net.inc"
	assert_v V_MAGIC, V_MAGIC_VALUE
	assert_v V_DEVICE_ID, V_ID_NET
	v_write	V_DEV_FEAT_SEL, 0
	v_read	V_DEV_FEATURES
	assert_set eax, NF_CSUM | NF_GUEST_CSUM | NF_MAC | NF_MRG_RXBUF | NF_STATUS | NF_CTRL_VQ | NF_CTRL_RX
	assert_set eax, NF_HOST_TSO4 | NF_HOST_TSO6 | NF_GUEST_TSO4 | NF_GUEST_TSO6 | NF_CTRL_VLAN | NF_ANNOUNCE
	assert_clear eax, NF_MQ | NF_MTU		; no more than there is
	assert_v NET_MAC, 0x12005452
	mov	ebx, VIRTIO0 + NET_MAC + 4
	assert_eq word [rbx], 0x5634
	mov	ebx, VIRTIO0 + NET_STATUS
	assert_eq word [rbx], 1			; the link is up
	mov	ebx, VIRTIO0 + NET_PAIRS
	assert_eq word [rbx], 1
	v_write	NET_MAC, 0			; not the driver's to write
	assert_v NET_MAC, 0x12005452
	v_write	V_QUEUE_SEL, 2
	assert_v V_QUEUE_NUM_MAX, 256
	v_write	V_QUEUE_SEL, 3
	assert_v V_QUEUE_NUM_MAX, 0
	pass
