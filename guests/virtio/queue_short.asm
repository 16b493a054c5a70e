; SPDX-License-Identifier: MIT
;@ summary: 2.7.8.2: a short transfer: used.len is what was stored, and nothing behind it is
;@ device: virtio-rng,short=1
%include "test.inc"
%include "virtio.inc"
	v_start	0
	mov	r12d, 20
.next:	mov	edi, VQ_BUF
	mov	ecx, 256
	xor	eax, eax
	rep	stosb
	v_desc	0, VQ_BUF, 100, VD_WRITE | VD_NEXT, 1
	v_desc	1, VQ_BUF + 100, 100, VD_WRITE, 0
	v_offer	0
	v_kick
	movzx	ecx, word [VQ_USED + 2]
	dec	ecx
	and	ecx, VQ_NUM - 1
	mov	edx, [VQ_USED + 8 + rcx * 8]
	cmp	edx, 200
	assert_cc b
	test	edx, edx
	assert_cc nz
	mov	edi, VQ_BUF
	add	edi, edx
	mov	ecx, 200
	sub	ecx, edx
	xor	eax, eax
	repe	scasb
	assert_cc e
	dec	r12d
	jnz	.next
	pass
