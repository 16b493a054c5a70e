; SPDX-License-Identifier: MIT
;@ summary: the entropy of a run is a function of its seed: these are the bytes of the default one
;@ device: virtio-rng
;@ exits: <= 40
%include "test.inc"
%include "virtio.inc"
	v_start	0
	v_desc	0, VQ_BUF, 16, VD_WRITE, 0
	v_desc	1, VQ_BUF + 16, 16, VD_WRITE, 0
	v_offer	0
	v_offer	1
	v_kick
	mov	rax, [VQ_BUF]
	mov	rcx, [VQ_BUF + 16]
	assert_ne rax, rcx
	pass
