; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5: a command without room for its ack is not done; one too short is refused
;@ device: virtio-net
;@ net: null
%include "test.inc"
%include "net.inc"
	net_start NF_CTRL_VQ | NF_CTRL_MAC
	mov	word [NC_CMD], NC_MAC_ADDR
	mov	dword [NC_CMD + 2], 0x00000002
	mov	word [NC_CMD + 6], 0
	v_desc_at NC_DESC, 0, NC_CMD, 8, 0, 0
	net_offer NC_AVAIL, 0
	net_kick 2
	assert_eq word [NC_USED + 2], 1
	assert_eq dword [NC_USED + 8], 0
	assert_v NET_MAC, 0x12005452
	mov	byte [NC_ACK], NC_NONE
	v_desc_at NC_DESC, 0, NC_CMD, 1, VD_NEXT, 1
	v_desc_at NC_DESC, 1, NC_ACK, 1, VD_WRITE, 0
	net_offer NC_AVAIL, 0
	net_kick 2
	assert_eq byte [NC_ACK], NC_ERR
	assert_eq dword [NC_USED + 4 + 8 + 4], 1
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
