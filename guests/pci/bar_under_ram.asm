; SPDX-License-Identifier: MIT
;@ summary: RAM hides a BAR that is put under it
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	mov	dword [0x200000], 0x11223344
	cf_write 1, P_BAR4, 0x200000
	assert_eq dword [0x200000], 0x11223344
	mov	dword [0x200000], 0x55667788
	assert_eq dword [0x200000], 0x55667788
	cf_write 1, P_BAR4, PCI_FREE
	mov	eax, PCI_FREE
	mov	[P_REGS], rax
	assert_p C_DEV_SEL, 0			; nothing reached the device
	pass
