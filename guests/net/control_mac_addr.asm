; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5.2: MAC_ADDR_SET changes the address that the configuration shows; a reset takes it back
;@ device: virtio-net
;@ net: null
%include "test.inc"
%include "net.inc"
	net_start NF_CTRL_VQ | NF_CTRL_MAC
	mov	dword [NC_CMD + 2], 0x00000002
	mov	word [NC_CMD + 6], 0x0900
	net_command NC_MAC_ADDR, 6, NC_OK
	assert_v NET_MAC, 2
	mov	byte [NC_CMD + 2], 3		; a group's is none
	net_command NC_MAC_ADDR, 6, NC_ERR
	net_command NC_MAC_ADDR, 5, NC_ERR
	assert_v NET_MAC, 2
	v_write	V_STATUS, 0
	assert_v NET_MAC, 0x12005452
	pass
