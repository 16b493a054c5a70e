; SPDX-License-Identifier: MIT
;@ summary: virtio 2.8.6: a list of two buffers and an indirect table over PCI
;@ device: virtio-rng-pci,packed=1
%include "test.inc"
%include "packed.inc"
%include "pci.inc"
	p_find	1
	p_accept VF_INDIRECT, VF_HI_PACKED
	p_queue	VP_NUM
	p_driver_ok
	vp_desc	1, VQ_BUF + 0x100, 8, 7, VD_WRITE | VP_ROUND1
	vp_desc	0, VQ_BUF, 8, 7, VD_WRITE | VD_NEXT | VP_ROUND1
	v_kick
	assert_vp_used 0, 16, 7, VD_WRITE | VP_AVAIL | VP_USED
	assert_filled VQ_BUF + 0x100, 8
	v_desc_at VQ_TABLE, 0, VQ_BUF + 0x200, 32, 0, VD_WRITE
	vp_desc	2, VQ_TABLE, 16, 9, VD_INDIRECT | VP_ROUND1
	v_kick
	assert_vp_used 2, 32, 9, VD_WRITE | VP_AVAIL | VP_USED
	assert_filled VQ_BUF + 0x200, 32
	pass
