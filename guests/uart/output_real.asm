; SPDX-License-Identifier: MIT
;@ summary: serial output from real mode
;@ mode: real
;@ serial: ~^real mode says [a-z]+
%include "test.inc"
	puts	"real mode says hello", 10
	pass
