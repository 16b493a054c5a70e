/* SPDX-License-Identifier: MIT */
/* The character back end: output to a buffer, input from one. */
#include <vmm/chr.h>

void chr_init(struct chr *c, const void *in, size_t in_len)
{
	*c = (struct chr){.out.max = CHR_KEEP, .in = in, .in_len = in_len};
}

void chr_fini(struct chr *c)
{
	buf_free(&c->out);
}

void chr_put(struct chr *c, const void *p, size_t len)
{
	size_t room = CHR_KEEP - c->out.len;

	c->written += len;
	/* Not more than fits: a put that does not would keep nothing and fail the buffer. */
	buf_put(&c->out, p, len < room ? len : room);
	if (c->tee && len)
		c->tee(c->tee_ctx, p, len);
}

int chr_peek(const struct chr *c)
{
	return c->in_pos < c->in_len ? c->in[c->in_pos] : -1;
}

int chr_get(struct chr *c)
{
	int b = chr_peek(c);

	if (b >= 0)
		c->in_pos++;
	return b;
}
