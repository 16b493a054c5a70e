; SPDX-License-Identifier: MIT
;@ summary: 5.1.6.5.3: tagged frames come in for the VLANs that were added alone
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start NF_CTRL_VQ | NF_CTRL_VLAN
	net_buffer 0, 1526
	net_buffer 1, 1526
	net_kick 0
	net_frame frame
	net_send
	assert_received_idx 0
	mov	word [NC_CMD + 2], 0x105
	net_command NC_VLAN_ADD, 2, NC_OK
	net_send
	assert_received_idx 1
	mov	byte [NET_OUT + NH_LEN + 15], 6	; another one
	net_send
	assert_received_idx 1
	mov	byte [NET_OUT + NH_LEN + 15], 5
	net_command NC_VLAN_DEL, 2, NC_OK
	net_send
	assert_received_idx 1
	mov	word [NC_CMD + 2], 0x1000
	net_command NC_VLAN_ADD, 2, NC_ERR
	mov	word [NET_OUT + NH_LEN + 12], 0xb588
	net_send
	assert_received_idx 2
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 2, 2, 2, 2, 2, 0x81, 0, 0x21, 5, 0x88, 0xb5
	times 46 db 1
frame_end:
