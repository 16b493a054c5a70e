; SPDX-License-Identifier: MIT
;@ summary: a block device over PCI writes sectors and reads them back
;@ device: virtio-blk-pci
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
%include "pci.inc"
	p_find	1
	p_start	BF_FLUSH
	set_bytes VQ_BUF, 1024, 0x5a
	blk_request BT_OUT, 3, 1024, 0
	assert_blk BS_OK
	assert_used 0, 0, 1
	set_bytes VQ_BUF, 2048, 0xff
	blk_request BT_IN, 2, 2048, VD_WRITE
	assert_blk BS_OK
	assert_used 1, 0, 2049
	assert_bytes VQ_BUF, 512, 0
	assert_bytes VQ_BUF + 512, 1024, 0x5a
	assert_bytes VQ_BUF + 1536, 512, 0
	pass
