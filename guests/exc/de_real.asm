; SPDX-License-Identifier: MIT
;@ summary: division by zero in real mode goes through the vector table
;@ mode: real
%include "test.inc"
	xor	ecx, ecx
	mov	ax, 7
	expect_fault DE, none, div cl
	pass
