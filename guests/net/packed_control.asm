; SPDX-License-Identifier: MIT
;@ summary: 2.8, 5.1.6.5: commands over a packed ring, one by an indirect table
;@ device: virtio-net,packed=1
;@ net: null
%include "test.inc"
%include "net.inc"
	net_start_packed VF_INDIRECT | NF_CTRL_VQ | NF_CTRL_MAC
	mov	word [NC_CMD], NC_MAC_ADDR
	mov	dword [NC_CMD + 2], 0x00000002
	mov	word [NC_CMD + 6], 0
	mov	byte [NC_ACK], NC_NONE
	np_desc	NC_DESC, 1, NC_ACK, 1, 9, VD_WRITE | NP_AVAIL
	np_desc	NC_DESC, 0, NC_CMD, 8, 9, VD_NEXT | NP_AVAIL
	net_kick 2
	assert_eq byte [NC_ACK], NC_OK
	assert_v NET_MAC, 2
	mov	byte [NC_CMD + 2], 6
	mov	byte [NC_ACK], NC_NONE
	np_desc	VQ_TABLE, 0, NC_CMD, 8, 0, 0
	np_desc	VQ_TABLE, 1, NC_ACK, 1, 0, VD_WRITE
	np_desc	NC_DESC, 2, VQ_TABLE, 32, 10, VD_INDIRECT | NP_AVAIL
	net_kick 2
	assert_eq byte [NC_ACK], NC_OK
	assert_eq word [NC_DESC + 2 * 16 + 12], 10
	assert_v NET_MAC, 6
	pass
