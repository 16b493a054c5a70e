; SPDX-License-Identifier: MIT
;@ summary: virtio 2.7.9: IN_ORDER over PCI: one used element for a batch
;@ device: virtio-rng-pci,in_order=1
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_accept 0, 1 << (35 - 32)
	p_queue	VQ_NUM
	p_driver_ok
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_desc	1, VQ_BUF + 16, 16, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_kick
	assert_used_idx 2
	assert_filled VQ_BUF, 16
	assert_filled VQ_BUF + 16, 16
	pass
