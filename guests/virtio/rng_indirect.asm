; SPDX-License-Identifier: MIT
;@ summary: 2.7.5.3: a table of two descriptors, named by one INDIRECT descriptor
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	v_start	VF_INDIRECT
	v_desc_at VQ_TABLE, 0, VQ_BUF, 16, VD_WRITE | VD_NEXT, 1
	v_desc_at VQ_TABLE, 1, VQ_BUF + 0x100, 16, VD_WRITE, 0
	v_desc	3, VQ_TABLE, 32, VD_INDIRECT, 0
	v_offer	3
	v_kick
	assert_used_idx 1
	assert_used 0, 3, 32
	assert_filled VQ_BUF, 16
	assert_filled VQ_BUF + 0x100, 16
	pass
