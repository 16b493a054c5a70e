; SPDX-License-Identifier: MIT
;@ summary: the signature and id by which guests find fw_cfg; selecting starts anew, zeros behind the end
;@ device: fw-cfg
%include "test.inc"
section .bss
text:	resb 8
section .text
	outw	FW_CFG, 0
	mov	edi, text
	mov	ecx, 8
	mov	dx, FW_CFG_DATA
	rep	insb
	assert_eq dword [text], 'QEMU'
	assert_eq dword [text + 4], 0
	outw	FW_CFG, 0
	inb	FW_CFG_DATA
	assert_eq al, 'Q'
	outw	FW_CFG, 1		; ports, no DMA
	inb	FW_CFG_DATA
	assert_eq al, 1
	in	al, dx
	assert_eq al, 0
	outw	FW_CFG, 0x3fff		; there is no such thing
	inb	FW_CFG_DATA
	assert_eq al, 0
	pass
