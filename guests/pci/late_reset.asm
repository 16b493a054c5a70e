; SPDX-License-Identifier: MIT
;@ summary: requests under way when the driver resets the device over PCI never come back
;@ device: virtio-rng-pci,delay=2000
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	p_rng
	assert_used_idx 0
	p_write8 C_STATUS, 0
	mov	ecx, 3000
.wait:	dec	ecx
	jnz	.wait
	p_read8	C_STATUS
	p_read8	C_STATUS
	p_read8	C_STATUS
	assert_used_idx 0
	assert_p8 R_ISR, 0
	pass
