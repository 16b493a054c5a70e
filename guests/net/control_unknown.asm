; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5: unknown commands, and those of features that were not negotiated, are refused
;@ device: virtio-net
;@ net: null
%include "test.inc"
%include "net.inc"
	net_start NF_CTRL_VQ
	net_flag NC_PROMISC, 0, NC_ERR
	net_flag NC_ALLUNI, 0, NC_ERR
	net_command NC_MAC_TABLE, 8, NC_ERR
	net_command NC_MAC_ADDR, 6, NC_ERR
	net_command NC_VLAN_ADD, 2, NC_ERR
	net_command NC_ANNOUNCE_ACK, 0, NC_ERR
	net_command NC_PAIRS_SET, 2, NC_ERR
	net_command 0x0600, 1, NC_ERR
	net_command 0xffff, 1, NC_ERR
	net_start NF_CTRL_VQ | NF_CTRL_RX
	mov	dword [NC_AVAIL], 0		; the queues begin anew
	net_flag NC_PROMISC, 2, NC_ERR
	net_command NC_PROMISC, 0, NC_ERR
	net_command NC_PROMISC, 2, NC_ERR
	net_flag NC_PROMISC, 1, NC_OK
	pass
