; SPDX-License-Identifier: MIT
;@ summary: the byte written to the debug-exit port is the guest's result
;@ exit: 42
%include "test.inc"
	fail	42
