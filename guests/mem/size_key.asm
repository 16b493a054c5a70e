; SPDX-License-Identifier: MIT
;@ summary: the header's mem key sets where RAM ends
;@ mem: 2M
%include "test.inc"
	mov	dword [0x200000 - 4], 0x55aa55aa
	assert_eq dword [0x200000 - 4], 0x55aa55aa
	mov	dword [0x200000], 0
	assert_eq dword [0x200000], 0xffffffff
	pass
