; SPDX-License-Identifier: MIT
;@ summary: device pci-host alone: the bridge and nothing else
;@ device: pci-host
%include "test.inc"
%include "pci.inc"
	assert_cf 0, P_VENDOR, 0x00081b36
	xor	r9d, r9d
	mov	ecx, 1
.next:	mov	ebx, ecx
	shl	ebx, 15
	mov	r10d, PCI_ECAM
	add	rbx, r10
	assert_eq dword [rbx], NOTHING
	inc	ecx
	cmp	ecx, 32
	jb	.next
	cf_write 0, P_COMMAND, NOTHING		; the bridge has nothing to be written
	assert_cf 0, P_COMMAND, 0
	pass
