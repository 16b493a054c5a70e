; SPDX-License-Identifier: MIT
;@ summary: virtio 2.8.6: the packed ring over PCI: one buffer is filled, its descriptor marked used
;@ device: virtio-rng-pci,packed=1
%include "test.inc"
%include "packed.inc"
%include "pci.inc"
	p_find	1
	p_accept 0, VF_HI_PACKED
	p_queue	VP_NUM
	p_driver_ok
	vp_desc	0, VQ_BUF, 16, 0x1234, VD_WRITE | VP_ROUND1
	v_kick
	assert_vp_used 0, 16, 0x1234, VD_WRITE | VP_AVAIL | VP_USED
	assert_filled VQ_BUF, 16
	assert_p8 R_ISR, 1
	pass
