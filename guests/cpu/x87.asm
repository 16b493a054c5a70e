; SPDX-License-Identifier: MIT
;@ summary: x87: 1 + 1 = 2, stored as an integer
%include "test.inc"
	fninit
	fld1
	fld1
	faddp
	fistp	dword [SCRATCH]
	assert_eq dword [SCRATCH], 2
	pass
