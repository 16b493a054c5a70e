; SPDX-License-Identifier: MIT
;@ summary: 5.2.6.2: write-zeroes judges all of its segments before it does the first
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	BF_WRITE_ZEROES
	set_bytes VQ_BUF, 2048, 0x99
	blk_request BT_OUT, 0, 2048, 0
	assert_blk BS_OK
	; sector 1; then one beyond the end
	mov	qword [VQ_BUF], 1
	mov	dword [VQ_BUF + 8], 1
	mov	dword [VQ_BUF + 12], 0
	mov	qword [VQ_BUF + 16], 128
	mov	dword [VQ_BUF + 24], 1
	mov	dword [VQ_BUF + 28], 0
	blk_request BT_WRITE_ZEROES, 0, 32, 0
	assert_blk BS_IOERR
	blk_request BT_WRITE_ZEROES, 0, 17, 0
	assert_blk BS_IOERR
	mov	dword [VQ_BUF + 12], 2		; a reserved flag
	blk_request BT_WRITE_ZEROES, 0, 16, 0
	assert_blk BS_UNSUPP
	blk_request BT_IN, 1, 512, VD_WRITE
	assert_bytes VQ_BUF, 512, 0x99
	mov	qword [VQ_BUF], 1
	mov	dword [VQ_BUF + 8], 1
	mov	dword [VQ_BUF + 12], 1		; unmap
	blk_request BT_WRITE_ZEROES, 0, 16, 0
	assert_blk BS_OK
	blk_request BT_IN, 0, 2048, VD_WRITE
	assert_bytes VQ_BUF, 512, 0x99
	assert_bytes VQ_BUF + 512, 512, 0
	assert_bytes VQ_BUF + 1024, 1024, 0x99
	pass
