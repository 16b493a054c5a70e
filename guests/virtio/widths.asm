; SPDX-License-Identifier: MIT
;@ summary: virtio-mmio 4.2.2.2: registers are for aligned 32-bit accesses; others do nothing
;@ device: virtio-rng
%include "test.inc"
%include "virtio.inc"
	mov	ebx, VIRTIO0
	movzx	eax, byte [rbx + V_MAGIC]
	assert_eq eax, 0
	movzx	eax, word [rbx + V_MAGIC + 2]
	assert_eq eax, 0
	mov	byte [rbx + V_STATUS], VS_ACKNOWLEDGE
	assert_v V_STATUS, 0
	mov	ebx, VIRTIO0
	mov	word [rbx + V_STATUS], VS_ACKNOWLEDGE
	assert_v V_STATUS, 0
	mov	ebx, VIRTIO0
	mov	dword [rbx + V_STATUS], VS_ACKNOWLEDGE
	assert_v V_STATUS, VS_ACKNOWLEDGE
	pass
