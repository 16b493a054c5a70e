; SPDX-License-Identifier: MIT
;@ summary: 2.8.7: an indirect table, in order, in which WRITE is the only flag
;@ device: virtio-rng,packed=1
%include "test.inc"
%include "packed.inc"
	vp_start VF_INDIRECT
	v_desc_at VQ_TABLE, 0, VQ_BUF, 8, 0, VD_WRITE		; the packed order: ID, flags
	v_desc_at VQ_TABLE, 1, VQ_BUF + 0x100, 8, 77, VD_WRITE | VD_INDIRECT | VD_NEXT
	vp_desc	0, VQ_TABLE, 32, 5, VD_INDIRECT | VP_ROUND1
	v_kick
	assert_vp_used 0, 16, 5, VD_WRITE | VP_AVAIL | VP_USED
	assert_filled VQ_BUF, 8
	assert_filled VQ_BUF + 0x100, 8
	pass
