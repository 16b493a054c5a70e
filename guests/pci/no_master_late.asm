; SPDX-License-Identifier: MIT
;@ summary: what is under way when bus mastering goes waits until it is back
;@ device: virtio-rng-pci,delay=2000
%include "test.inc"
%include "pci.inc"
	p_find	1
	p_start	0
	p_rng
	assert_used_idx 0			; it takes its time
	cf_write16 1, P_COMMAND, PC_MEMORY
	mov	ecx, 3000
.wait:	dec	ecx
	jnz	.wait
	p_read8	C_STATUS			; time goes by exits on kvm
	assert_used_idx 0
	cf_write16 1, P_COMMAND, PC_MEMORY | PC_MASTER
	p_read8	C_STATUS
	p_read8	C_STATUS
	p_read8	C_STATUS
	assert_used_idx 1
	pass
