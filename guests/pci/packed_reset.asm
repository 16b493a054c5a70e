; SPDX-License-Identifier: MIT
;@ summary: virtio 2.6.1: a packed queue is reset over PCI and begins in its first round again
;@ device: virtio-rng-pci,packed=1
%include "test.inc"
%include "packed.inc"
%include "pci.inc"
	p_find	1
	p_accept 0, VF_HI_PACKED | 1 << (40 - 32)
	p_queue	VP_NUM
	p_driver_ok
	vp_desc	0, VQ_BUF, 16, 1, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 16, 1, VD_WRITE | VP_AVAIL | VP_USED
	p_write16 C_RESET, 1
	vp_clear
	p_queue	VP_NUM
	vp_desc	0, VQ_BUF, 32, 2, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 32, 2, VD_WRITE | VP_AVAIL | VP_USED
	pass
