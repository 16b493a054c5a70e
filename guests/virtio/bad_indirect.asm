; SPDX-License-Identifier: MIT
;@ summary: 2.7.5.3.1: nested tables, tables with NEXT, of a wrong length or outside RAM are refused
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	VF_INDIRECT
	v_desc_at VQ_TABLE, 0, VQ_TABLE, 16, VD_INDIRECT, 0	; itself
	v_desc_at VQ_TABLE + 0x100, 0, VQ_BUF, 16, VD_WRITE, 0
	v_desc	0, VQ_TABLE, 16, VD_INDIRECT, 0
	v_desc	1, VQ_TABLE + 0x100, 16, VD_INDIRECT | VD_NEXT, 2
	v_desc	2, VQ_TABLE + 0x100, 17, VD_INDIRECT, 0
	v_desc	3, VQ_TABLE + 0x100, 0, VD_INDIRECT, 0
	v_desc	4, NO_RAM, 16, VD_INDIRECT, 0
	v_desc	5, VQ_TABLE + 0x100, 16 * (VQ_NUM + 1), VD_INDIRECT, 0
	v_offer	0
	v_offer	1
	v_offer	2
	v_offer	3
	v_offer	4
	v_offer	5
	v_kick
	assert_used_idx 6
%assign i 0
%rep 6
	assert_used i, i, 0
%assign i i + 1
%endrep
	assert_zeroes VQ_BUF, 16
	assert_v V_STATUS, 15
	pass
