; SPDX-License-Identifier: MIT
;@ summary: a BAR over another device decodes nothing there; the device stays; it comes back
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	p_find	1
	cf_write 1, P_BAR4, TD & ~0x3fff	; the test device is in these 16 KiB
	assert_p C_DEV_SEL, NOTHING
	mov	ebx, TD
	mov	dword [rbx + TDO_A3], 0x1234	; the test device answers still
	assert_eq dword [rbx + TDO_A3], 0x1234
	cf_write 1, P_BAR4, PCI_ECAM
	ec_read	1, P_VENDOR
	assert_eq eax, 0x10441af4
	ec_write 1, P_BAR4, PCI_FREE
	mov	eax, PCI_FREE
	mov	[P_REGS], rax
	assert_p16 C_NUM_QUEUES, 1
	pass
