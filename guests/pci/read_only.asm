; SPDX-License-Identifier: MIT
;@ summary: PCI 3.0, 6.2: what software may not write stays as it is
;@ device: virtio-rng-pci
%include "test.inc"
%include "pci.inc"
	xor	r9d, r9d
.next:	mov	ebx, ECAM(1, 0)
	mov	ecx, r9d
	cmp	ecx, P_COMMAND		; COMMAND, cache line, BARs, line and capabilities may change
	je	.skip
	cmp	ecx, P_HEADER
	je	.skip
	cmp	ecx, P_BAR1
	je	.skip
	cmp	ecx, P_BAR4
	je	.skip
	cmp	ecx, P_BAR5
	je	.skip
	cmp	ecx, P_IRQ
	je	.skip
	mov	r10d, [rbx + rcx]
	mov	dword [rbx + rcx], NOTHING
	assert_eq r10d, dword [rbx + rcx]
	mov	dword [rbx + rcx], 0
	assert_eq r10d, dword [rbx + rcx]
.skip:	add	r9d, 4
	cmp	r9d, 0x40
	jb	.next
	pass
