; SPDX-License-Identifier: MIT
;@ summary: ECAM reads all ones where nothing is: devices, functions, the extended registers
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	ec_read	2, P_VENDOR
	assert_eq eax, NOTHING
	ec_read	1, 0x1000			; function 1
	assert_eq eax, NOTHING
	ec_read	1, 0x100
	assert_eq eax, NOTHING
	ec_read	1, 0xffc
	assert_eq eax, NOTHING
	ec_write 1, 0x100, 0
	ec_write 2, P_COMMAND, 0
	ec_read	1, 0xfe				; over the end of the 256 bytes
	assert_eq eax, 0xffff0000
	pass
