; SPDX-License-Identifier: MIT
;@ summary: fw_cfg tells how many CPUs there are, now and at most, and the size of RAM
;@ device: fw-cfg,ram=16M
%include "test.inc"
section .bss
ram:	resq 1
section .text
	outw	FW_CFG, 5
	inb	FW_CFG_DATA
	assert_eq al, 1
	in	al, dx
	assert_eq al, 0
	outw	FW_CFG, 0x0f
	inb	FW_CFG_DATA
	assert_eq al, 1
	outw	FW_CFG, 3
	mov	edi, ram
	mov	ecx, 8
	mov	dx, FW_CFG_DATA
	rep	insb
	assert_eq qword [ram], 16 << 20
	pass
