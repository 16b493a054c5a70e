; SPDX-License-Identifier: MIT
;@ summary: 5.1.2: without CTRL_VQ the third queue is none: its doorbell does nothing
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start 0
	mov	word [NC_CMD], NC_PROMISC
	mov	byte [NC_ACK], NC_NONE
	v_desc_at NC_DESC, 0, NC_CMD, 3, VD_NEXT, 1
	v_desc_at NC_DESC, 1, NC_ACK, 1, VD_WRITE, 0
	net_offer NC_AVAIL, 0
	net_kick 2
	assert_eq byte [NC_ACK], NC_NONE
	assert_eq word [NC_USED + 2], 0
	assert_v V_STATUS, VS_ACKNOWLEDGE | VS_DRIVER | VS_FEATURES_OK | VS_DRIVER_OK
	pass
