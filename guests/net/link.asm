; SPDX-License-Identifier: MIT
;@ summary: 5.1.4, 5.1.6.5.4: the link's state is in the configuration, with an interrupt; announcing is acknowledged
;@ device: virtio-net
;@ net: script:=at 100us link down; at 200us link up; at 300us announce
;@ compare: no it waits for what it polls
%include "test.inc"
%include "net.inc"
%macro until 1			; the status is this; the interrupt says so
	mov	ecx, 1000000
%%turn:	mov	ebx, VIRTIO0 + NET_STATUS
	cmp	word [rbx], %1
	je	%%is
	dec	ecx
	jnz	%%turn
%%is:	assert_eq word [rbx], %1
	assert_v V_INT_STATUS, 2
	v_write	V_INT_ACK, 2
%endmacro
	net_start NF_STATUS | NF_CTRL_VQ | NF_ANNOUNCE
	assert_v V_CONFIG_GEN, 0
	until	0
	assert_v V_CONFIG_GEN, 1
	until	1
	until	3
	net_command NC_ANNOUNCE_ACK, 0, NC_OK
	mov	ebx, VIRTIO0 + NET_STATUS
	assert_eq word [rbx], 1
	pass
