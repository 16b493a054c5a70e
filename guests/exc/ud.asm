; SPDX-License-Identifier: MIT
;@ summary: UD2 is #UD at the instruction
%include "test.inc"
	expect_fault UD, none, ud2
	assert_eq qword [exc_cs], SEL_CODE64
	pass
