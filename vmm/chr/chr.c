/* SPDX-License-Identifier: MIT */
/* The character back end's two halves: output to a buffer, input from a text or from outside. */
#include <errno.h>
#include <stdlib.h>

#include "chr_priv.h"

void chr_init(struct chr *c, const void *in, size_t in_len)
{
	*c = (struct chr){.out.max = CHR_KEEP, .in = in, .in_len = in_len};
}

void chr_fini(struct chr *c)
{
	chr_back_free(c);
	buf_free(&c->out);
	free(c->fed);
	c->fed = NULL;
	c->fed_len = 0;
}

void chr_put(struct chr *c, const void *p, size_t len)
{
	size_t room = CHR_KEEP - c->out.len;

	c->written += len;
	/* Not more than fits: a put that does not would keep nothing and fail the buffer. */
	buf_put(&c->out, p, len < room ? len : room);
	if (c->tee && len)
		c->tee(c->tee_ctx, p, len);
	if (c->back && len)
		chr_back_put(c, p, len);
	if (c->loops && len) {
		if (len > chr_room(c))
			c->lost += len - chr_room(c);
		chr_feed(c, p, len);
	}
}

/* ---- input ----------------------------------------------------------------------------------------- */

size_t chr_pending(const struct chr *c)
{
	return c->in_len - c->in_pos + c->fed_len;
}

int chr_peek(const struct chr *c)
{
	if (c->in_pos < c->in_len)
		return c->in[c->in_pos];
	return c->fed_len ? c->fed[c->fed_at] : -1;
}

int chr_get(struct chr *c)
{
	uint8_t b;

	return chr_take(c, &b, 1) ? b : -1;
}

size_t chr_take(struct chr *c, void *p, size_t len)
{
	uint8_t *to = p;
	size_t n = c->in_len - c->in_pos, done = 0;

	if (n && len) {
		done = n < len ? n : len;
		memcpy(to, c->in + c->in_pos, done);
		c->in_pos += done;
	}
	while (done < len && c->fed_len) {
		n = CHR_FED - c->fed_at;
		n = n < c->fed_len ? n : c->fed_len;
		n = n < len - done ? n : len - done;
		memcpy(to + done, c->fed + c->fed_at, n);
		c->fed_at = (c->fed_at + n) % CHR_FED;
		c->fed_len -= n;
		done += n;
	}
	return done;
}

size_t chr_room(const struct chr *c)
{
	return CHR_FED - c->fed_len;
}

static void feed(struct chr *c, const uint8_t *p, size_t len)
{
	if (!c->fed) {
		c->fed = malloc(CHR_FED);
		c->fed_at = 0;
	}
	if (!c->fed)
		return;
	len = len < chr_room(c) ? len : chr_room(c);
	while (len) {
		size_t at = (c->fed_at + c->fed_len) % CHR_FED, n = CHR_FED - at;

		n = n < len ? n : len;
		memcpy(c->fed + at, p, n);
		c->fed_len += n;
		p += n;
		len -= n;
	}
}

void chr_feed(struct chr *c, const void *p, size_t len)
{
	feed(c, p, len);
	if (c->wake)
		c->wake(c->wake_ctx);
}

void chr_hang_up(struct chr *c)
{
	c->hung_up = true;
	if (c->wake)
		c->wake(c->wake_ctx);
}

void chr_set_wake(struct chr *c, void (*wake)(void *ctx), void *ctx)
{
	if (!wake && c->wake_ctx != ctx)
		return;
	c->wake = wake;
	c->wake_ctx = wake ? ctx : NULL;
}

/* ---- snapshots --------------------------------------------------------------------------------------- */

int chr_save(struct chr_snap *s, const struct chr *c)
{
	size_t first = CHR_FED - c->fed_at;

	s->written = c->written;
	s->in_pos = c->in_pos;
	s->failed = c->out.failed;
	s->hung_up = c->hung_up;
	if (c->out.len)
		buf_put(&s->out, c->out.p, c->out.len);
	if (c->fed_len) {
		first = first < c->fed_len ? first : c->fed_len;
		buf_put(&s->fed, c->fed + c->fed_at, first);
		buf_put(&s->fed, c->fed, c->fed_len - first);
	}
	return s->out.failed || s->fed.failed ? -ENOMEM : 0;
}

int chr_load(struct chr *c, const struct chr_snap *s)
{
	c->out.len = 0;
	c->out.failed = false;
	if (c->out.p)
		c->out.p[0] = '\0';
	if (s->out.len)
		buf_put(&c->out, s->out.p, s->out.len);
	c->fed_at = c->fed_len = 0;
	if (s->fed.len)
		feed(c, (const uint8_t *)s->fed.p, s->fed.len);
	if (c->out.failed || c->fed_len != s->fed.len)
		return -ENOMEM;
	c->out.failed = s->failed;
	c->written = s->written;
	c->in_pos = s->in_pos;
	c->hung_up = s->hung_up;
	return 0;
}

void chr_snap_free(struct chr_snap *s)
{
	buf_free(&s->out);
	buf_free(&s->fed);
}
