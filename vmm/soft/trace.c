/* SPDX-License-Identifier: MIT */
/* soft: traces. */
#include "fast.h"

int soft_fast_new(struct soft *s, struct err *err)
{
	(void)err;
	s->fast = NULL;
	return 0;
}

void soft_fast_free(struct soft *s)
{
	(void)s;
}

void soft_fast_flush(struct soft *s)
{
	(void)s;
}

void soft_fast_run(struct soft *s)
{
	soft_step(s);
}

void soft_flags_sync(struct soft *s)
{
	(void)s;
}
