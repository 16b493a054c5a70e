; SPDX-License-Identifier: MIT
;@ summary: the same model over virtio-mmio and over PCI in one machine: two devices
;@ device: virtio-rng
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	assert_v V_MAGIC, V_MAGIC_VALUE
	p_find	1
	p_start	0
	p_rng
	assert_used 0, 0, 16
	assert_v V_STATUS, 0
	assert_v V_INT_STATUS, 0
	pass
