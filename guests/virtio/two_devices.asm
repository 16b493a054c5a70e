; SPDX-License-Identifier: MIT
;@ summary: two devices have windows of their own, 0x200 apart, and do not mix
;@ device: virtio-rng
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	mov	ebx, VIRTIO0 + 0x200
	assert_eq dword [rbx], V_MAGIC_VALUE
	mov	dword [rbx + V_STATUS], VS_ACKNOWLEDGE
	assert_v V_STATUS, 0
	mov	ebx, VIRTIO0 + 0x200
	assert_eq dword [rbx + V_STATUS], VS_ACKNOWLEDGE
	mov	ebx, VIRTIO0 + 0x400
	assert_eq dword [rbx], 0xffffffff
	pass
