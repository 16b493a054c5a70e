/* SPDX-License-Identifier: MIT */
/* The growing text buffer, and text as JSON. */
#include <stdio.h>
#include <stdlib.h>

#include <vmm/base.h>

#define BUF_FIRST 64 /* bytes of the first allocation */

/* Make room for (len) more bytes and a NUL; false, and failed, where that may or can not be. */
static bool grow(struct buf *b, size_t len)
{
	size_t max = b->max ? b->max : BUF_MAX, cap = b->cap ? b->cap : BUF_FIRST;
	char *p;

	if (b->failed)
		return false;
	if (b->len > max || len > max - b->len || len >= SIZE_MAX - b->len)
		goto fail;
	if (b->len + len < b->cap)
		return true;
	/* Doubling; the last step goes to what is needed where doubling would wrap. */
	while (cap <= b->len + len)
		cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
	p = realloc(b->p, cap);
	if (!p)
		goto fail;
	b->p = p;
	b->cap = cap;
	return true;
fail:
	b->failed = true;
	return false;
}

void buf_put(struct buf *b, const void *p, size_t len)
{
	if (!grow(b, len))
		return;
	if (len)
		memcpy(b->p + b->len, p, len);
	b->len += len;
	b->p[b->len] = '\0';
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256] = "";
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((size_t)n < sizeof(small)) {
		buf_put(b, small, (size_t)n);
		return;
	}
	if (!grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	n = vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

/* The length of the UTF-8 character (RFC 3629) that starts at (s), 0 if there is none. */
static unsigned utf8_len(const uint8_t *s, size_t left)
{
	unsigned n = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0 /* a continuation byte, or an overlong form */
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	if (n > left)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90))
		return 0; /* overlong */
	if ((s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0; /* a surrogate; above U+10FFFF */
	return n;
}

void buf_put_json(struct buf *b, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;

	buf_put(b, "\"", 1);
	/* (failed) ends it early: no long loop that puts nothing. */
	for (size_t i = 0; i < len && !b->failed;) {
		unsigned n = utf8_len(p + i, len - i);

		if (p[i] == '"' || p[i] == '\\')
			buf_printf(b, "\\%c", p[i]);
		else if (p[i] == '\n')
			buf_put(b, "\\n", 2);
		else if (!n || p[i] < 0x20 || p[i] == 0x7f)
			buf_printf(b, "\\u%04x", p[i]);
		else
			buf_put(b, p + i, n);
		i += n ? n : 1;
	}
	buf_put(b, "\"", 1);
}

const char *buf_str(const struct buf *b)
{
	return b->p ? b->p : "";
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}
