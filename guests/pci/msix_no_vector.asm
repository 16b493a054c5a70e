; SPDX-License-Identifier: MIT
;@ summary: virtio 4.1.5.1.2: an event without a vector tells nobody while MSI-X is on
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	msix_entry 0, 0x63, 1
	msix_entry 1, 0x63, 1
	msix_control 1, MSIX_ON
	p_start	0
	p_rng
	assert_used_idx 1
	assert_pending 0
	assert_p8 R_ISR, 0
	pass
