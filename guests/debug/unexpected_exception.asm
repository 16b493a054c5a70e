; SPDX-License-Identifier: MIT
;@ summary: an exception that nobody catches ends the run with 0x80 and the vector
;@ exit: 0x86
%include "test.inc"
	ud2
