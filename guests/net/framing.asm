; SPDX-License-Identifier: MIT
;@ summary: 2.7.4: header and frame may be cut into descriptors anywhere, in both directions
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start 0
	v_desc	0, NET_IN, 5, VD_WRITE | VD_NEXT, 1
	v_desc	1, NET_IN + 5, 30, VD_WRITE | VD_NEXT, 2
	v_desc	2, NET_IN + 35, 1500, VD_WRITE, 0
	net_offer VQ_AVAIL, 0
	net_kick 0
	net_frame frame
	v_desc_at NT_DESC, 3, NET_OUT, 11, VD_NEXT, 4
	v_desc_at NT_DESC, 4, NET_OUT + 11, 2, VD_NEXT, 5
	v_desc_at NT_DESC, 5, NET_OUT + 13, NH_LEN + frame_end - frame - 13, 0, 0
	net_offer NT_AVAIL, 3
	net_kick 1
	assert_sent 1
	assert_received 0, 0, NH_LEN + frame_end - frame
	assert_same NET_IN + NH_LEN, frame, frame_end - frame
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
