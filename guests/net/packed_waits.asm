; SPDX-License-Identifier: MIT
;@ summary: 2.8, 5.1.6.4.1: on a packed ring too no buffer is used before there are enough
;@ device: virtio-net,packed=1
;@ net: loop
%include "test.inc"
%include "net.inc"
	net_start_packed NF_MRG_RXBUF
	np_desc	VQ_DESC, 0, NET_IN, 50, 20, VD_WRITE | NP_AVAIL
	net_kick 0
	net_frame frame
	np_desc	NT_DESC, 0, NET_OUT, NH_LEN + frame_end - frame, 5, NP_AVAIL
	net_kick 1
	assert_eq word [NT_DESC + 14], NP_AVAIL | NP_USED
	assert_eq word [VQ_DESC + 14], VD_WRITE | NP_AVAIL
	assert_zeroes NET_IN, 50
	np_desc	VQ_DESC, 1, NET_IN + NET_IN_STEP, 100, 21, VD_WRITE | NP_AVAIL
	net_kick 0
	assert_np_received 0, 50, 20
	assert_np_received 1, NH_LEN + frame_end - frame - 50, 21
	pass
section .rodata
frame:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	times 60 db 0x5a
frame_end:
