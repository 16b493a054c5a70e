; SPDX-License-Identifier: MIT
;@ summary: what is written to the transmitter arrives outside, in order
;@ serial: hello, uart\n
%include "test.inc"
	puts	"hello, uart", 10
	pass
