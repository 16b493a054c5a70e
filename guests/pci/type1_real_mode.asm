; SPDX-License-Identifier: MIT
;@ summary: configuration mechanism 1 from real mode
;@ device: virtio-rng-pci
;@ mode: real
%include "test.inc"
	mov	eax, 0x80000000 | 1 << 11
	mov	dx, 0xcf8
	out	dx, eax
	mov	dx, 0xcfc
	in	eax, dx
	assert_eq eax, 0x10441af4
	mov	dx, 0xcfe
	in	ax, dx
	assert_eq ax, 0x1044
	pass
