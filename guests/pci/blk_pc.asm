; SPDX-License-Identifier: MIT
;@ summary: the same on the PC, with the bus where ACPI says
;@ machine: pc
;@ device: testdev
;@ device: virtio-blk-pci
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
%include "pci.inc"
	p_find	1
	p_start	BF_FLUSH
	blk_request BT_IN, 0, 512, VD_WRITE
	assert_blk BS_OK
	assert_used 0, 0, 513
	ec_read	1, P_VENDOR
	assert_eq eax, 0x10421af4
	pass
