; SPDX-License-Identifier: MIT
;@ summary: 2.7.5.2, 2.7.5.3.1: with IN_ORDER descriptors are to be used in order; NEXT is followed wherever it goes
;@ device: virtio-rng,in_order=1
%include "test.inc"
%include "virtio.inc"
	v_start	VF_INDIRECT, VF_HI_IN_ORDER
	v_desc	6, VQ_BUF, 8, VD_WRITE | VD_NEXT, 2
	v_desc	2, VQ_BUF + 0x100, 16, VD_WRITE | VD_NEXT, 7
	v_desc	7, VQ_BUF + 0x200, 24, VD_WRITE, 0
	v_desc_at VQ_TABLE, 0, VQ_BUF + 0x300, 8, VD_WRITE | VD_NEXT, 2
	v_desc_at VQ_TABLE, 1, VQ_BUF + 0x500, 8, VD_WRITE, 0
	v_desc_at VQ_TABLE, 2, VQ_BUF + 0x400, 8, VD_WRITE | VD_NEXT, 1
	v_desc	5, VQ_TABLE, 48, VD_INDIRECT, 0
	v_offer	6
	v_offer	5
	v_kick
	assert_used_idx 2
	assert_used 0, 5, 24
	assert_filled VQ_BUF + 0x200, 24
	assert_filled VQ_BUF + 0x500, 8
	v_read	V_STATUS
	assert_clear eax, VS_NEEDS_RESET
	pass
