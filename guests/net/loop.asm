; SPDX-License-Identifier: MIT
;@ summary: 5.1.6: a frame that is sent to a loop comes back, with a header of its own
;@ device: virtio-net
;@ net: loop
%include "test.inc"
%include "net.inc"
	assert_v V_DEVICE_ID, V_ID_NET
	net_start 0
	net_buffer 0, 1526
	net_kick 0
	net_frame hello
	net_send
	assert_sent 1
	assert_received_idx 1
	assert_received 0, 0, NH_LEN + hello_end - hello
	assert_same NET_IN + NH_LEN, hello, hello_end - hello
	assert_eq byte [NET_IN + NH_FLAGS], 0
	assert_eq byte [NET_IN + NH_GSO_TYPE], 0
	assert_eq word [NET_IN + NH_BUFFERS], 1		; 5.1.6.4.1: 1 where buffers are not merged
	pass
section .rodata
hello:	db 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, "hello, other end"
hello_end:
