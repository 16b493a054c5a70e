; SPDX-License-Identifier: MIT
;@ summary: 5.2.5.2: the driver switches the cache by the field writeback if CONFIG_WCE was negotiated
;@ device: virtio-blk
;@ disk: mem:64K
%include "test.inc"
%include "blk.inc"
	v_start	BF_FLUSH | BF_CONFIG_WCE
	mov	ebx, VIRTIO0 + V_CONFIG + 32
	assert_eq byte [rbx], 1
	mov	byte [rbx], 0
	assert_eq byte [rbx], 0
	mov	byte [rbx], 3			; neither of its values
	assert_eq byte [rbx], 0
	v_start	BF_FLUSH
	mov	ebx, VIRTIO0 + V_CONFIG + 32
	assert_eq byte [rbx], 1			; as after every reset
	mov	byte [rbx], 0			; not negotiated
	assert_eq byte [rbx], 1
	pass
