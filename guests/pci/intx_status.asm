; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.2.3: STATUS shows the interrupt, COMMAND's bit 10 keeps it off the line
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	pic_init 0
	p_find	1
	cf_write16 1, P_COMMAND, PC_MEMORY | PC_MASTER | PC_NO_INTX
	p_start	0
	assert_cf16 1, P_STATUS, 0x10
	p_rng
	assert_cf16 1, P_STATUS, 0x10 | PS_INTX
	mov	al, 0x0a			; OCW3: the 8259's IRR
	out	PIC2_CMD, al
	in	al, PIC2_CMD
	assert_eq al, 0
	cf_write16 1, P_COMMAND, PC_MEMORY | PC_MASTER
	in	al, PIC2_CMD
	assert_eq al, 0x80
	assert_p8 R_ISR, 1
	assert_cf16 1, P_STATUS, 0x10
	pass
