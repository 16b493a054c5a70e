; SPDX-License-Identifier: MIT
;@ summary: a request over PCI, direct and indirect, by the rings at any address
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	VF_INDIRECT
	p_rng
	assert_used_idx 1
	assert_used 0, 0, 16
	assert_filled VQ_BUF, 16
	v_desc_at VQ_TABLE, 0, VQ_BUF + 0x100, 32, VD_WRITE, 0
	v_desc	1, VQ_TABLE, 16, VD_INDIRECT, 0
	v_offer	1
	v_kick
	assert_used 1, 1, 32
	assert_filled VQ_BUF + 0x100, 32
	pass
