; SPDX-License-Identifier: MIT
;@ summary: IN and OUT at CPL 3 with IOPL 0 and no I/O bitmap end in #GP(0)
%include "test.inc"
	user_run .out
	assert_eq byte [exc_vector], GP
	assert_eq qword [exc_error], 0
	assert_eq qword [exc_rip], .out
	user_run .in
	assert_eq byte [exc_vector], GP
	assert_eq qword [exc_rip], .in
	pass
.out:	out	0xe9, al
	user_done
.in:	in	al, 0xe9
	user_done
