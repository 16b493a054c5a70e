; SPDX-License-Identifier: MIT
;@ summary: a failed assertion ends the run with 1: this test expects exactly that
;@ exit: 1
%include "test.inc"
	mov	eax, 1
	assert_eq eax, 2
	pass
