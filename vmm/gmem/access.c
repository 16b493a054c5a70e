/* SPDX-License-Identifier: MIT */
/* Reading and writing guest memory. Addresses and lengths are the guest's: anything may come. */
#include <errno.h>
#include <sys/mman.h>

#include "gmem_priv.h"

/* From this many zero bytes on, giving pages back is cheaper than writing them. */
#define SET_DROP_MIN (64u << 10)

const void *gmem_ro(struct gmem *g, uint64_t gpa, uint64_t len)
{
	const struct region *r = gmem_find(g, gpa);

	if (!r || len > r->len - (gpa - r->gpa))
		return NULL;
	return r->host + (gpa - r->gpa);
}

void *gmem_rw(struct gmem *g, uint64_t gpa, uint64_t len)
{
	struct region *r = gmem_find(g, gpa);

	if (!r || len > r->len - (gpa - r->gpa) || r->kind != GMEM_RAM)
		return NULL;
	if (len)
		gmem_mark(g, r, gpa - r->gpa, len);
	if (g->write_hook && len)
		g->write_hook(g->write_ctx, g, gpa, len);
	return r->host + (gpa - r->gpa);
}

/* Is every byte there, and in RAM where (ram)? */
static bool all_there(struct gmem *g, uint64_t gpa, uint64_t len, bool ram)
{
	while (len) {
		const struct region *r = gmem_find(g, gpa);
		uint64_t room;

		if (!r || (ram && r->kind != GMEM_RAM))
			return false;
		room = r->len - (gpa - r->gpa);
		if (len <= room)
			return true;
		/* No wrap: regions end at or below GMEM_TOP. */
		gpa += room;
		len -= room;
	}
	return true;
}

/*
 * The two may overlap, see the header. Hardly any do, and where a sanitizer has a memmove() of its own
 * it goes byte by byte.
 */
static void copy_any(uint8_t *to, const uint8_t *from, uint64_t len)
{
	if ((uintptr_t)to - (uintptr_t)from >= len && (uintptr_t)from - (uintptr_t)to >= len)
		memcpy(to, from, len);
	else
		memmove(to, from, len);
}

/* The sizes of registers and descriptors without a call; the rest may overlap, see the header. */
static inline void copy(void *to, const void *from, uint64_t len)
{
	uint8_t tmp[16]; /* apart: the two may overlap */

	switch (len) {
	case 1:
		memcpy(to, from, 1);
		break;
	case 2:
		memcpy(tmp, from, 2);
		memcpy(to, tmp, 2);
		break;
	case 4:
		memcpy(tmp, from, 4);
		memcpy(to, tmp, 4);
		break;
	case 8:
		memcpy(tmp, from, 8);
		memcpy(to, tmp, 8);
		break;
	case 16:
		memcpy(tmp, from, 16);
		memcpy(to, tmp, 16);
		break;
	default:
		copy_any(to, from, len);
		break;
	}
}

/* The piece at the front of [gpa, gpa + len) that lies in one region; all of it is known to be. */
static struct region *piece(struct gmem *g, uint64_t gpa, uint64_t len, uint64_t *n)
{
	struct region *r = gmem_find(g, gpa);
	uint64_t room = r->len - (gpa - r->gpa);

	*n = len < room ? len : room;
	return r;
}

static int read_slow(struct gmem *g, uint64_t gpa, void *buf, uint64_t len)
{
	uint8_t *to = buf;

	if (!all_there(g, gpa, len, false))
		return -EFAULT;
	while (len) {
		uint64_t n;
		const struct region *r = piece(g, gpa, len, &n);

		copy_any(to, r->host + (gpa - r->gpa), n);
		gpa += n;
		to += n;
		len -= n;
	}
	return 0;
}

int gmem_read(struct gmem *g, uint64_t gpa, void *buf, uint64_t len)
{
	const struct region *r = g->hit;
	uint64_t off = gpa - r->gpa;

	/* len - 1: a length of 0 goes the slow way, where (buf) is not looked at. */
	if (off < r->len && len - 1 < r->len - off) {
		copy(buf, r->host + off, len);
	} else {
		int rc = read_slow(g, gpa, buf, len);

		if (rc)
			return rc;
	}
	if (g->read_hook && len)
		g->read_hook(g->read_ctx, g, gpa, len);
	return 0;
}

static int write_slow(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len, bool ram)
{
	const uint8_t *from = buf;

	if (!all_there(g, gpa, len, ram))
		return -EFAULT;
	while (len) {
		uint64_t n;
		struct region *r = piece(g, gpa, len, &n);

		copy_any(r->host + (gpa - r->gpa), from, n);
		gmem_mark(g, r, gpa - r->gpa, n);
		gpa += n;
		from += n;
		len -= n;
	}
	return 0;
}

int gmem_write(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len)
{
	struct region *r = g->hit;
	uint64_t off = gpa - r->gpa;

	if (off < r->len && len - 1 < r->len - off && r->kind == GMEM_RAM) {
		copy(r->host + off, buf, len);
		/* After the copy: a stale hook that looks must see what is there now. */
		gmem_mark(g, r, off, len);
	} else {
		int rc = write_slow(g, gpa, buf, len, true);

		if (rc)
			return rc;
	}
	if (g->write_hook && len)
		g->write_hook(g->write_ctx, g, gpa, len);
	return 0;
}

int gmem_place(struct gmem *g, uint64_t gpa, const void *buf, uint64_t len)
{
	return write_slow(g, gpa, buf, len, false);
}

/* Zero (n) bytes at (p): whole pages go back to the kernel, which then shows zeroes there. */
static void zero(uint8_t *p, uint64_t n)
{
	uint64_t head = -(uintptr_t)p % GMEM_PAGE, body;

	if (n >= SET_DROP_MIN) {
		body = align_down(n - head, GMEM_PAGE);
		if (!madvise(p + head, body, MADV_DONTNEED)) {
			memset(p, 0, head);
			p += head + body;
			n -= head + body;
		}
	}
	memset(p, 0, n);
}

int gmem_set(struct gmem *g, uint64_t gpa, uint8_t byte, uint64_t len)
{
	if (!all_there(g, gpa, len, false))
		return -EFAULT;
	while (len) {
		uint64_t n;
		struct region *r = piece(g, gpa, len, &n);
		uint8_t *p = r->host + (gpa - r->gpa);

		if (byte)
			memset(p, byte, n);
		else
			zero(p, n);
		gmem_mark(g, r, gpa - r->gpa, n);
		gpa += n;
		len -= n;
	}
	return 0;
}

int gmem_discard(struct gmem *g, uint64_t gpa, uint64_t len)
{
	uint64_t at = gpa, left = len;

	if (gpa % GMEM_PAGE || len % GMEM_PAGE)
		return -EINVAL;
	if (!all_there(g, gpa, len, true))
		return -EFAULT;
	while (left) {
		uint64_t n;
		struct region *r = piece(g, at, left, &n);
		uint8_t *p = r->host + (at - r->gpa);

		if (madvise(p, n, MADV_DONTNEED))
			memset(p, 0, n);
		gmem_mark(g, r, at - r->gpa, n);
		at += n;
		left -= n;
	}
	if (g->write_hook && len)
		g->write_hook(g->write_ctx, g, gpa, len);
	return 0;
}

void gmem_set_read_hook(struct gmem *g, gmem_read_hook fn, void *ctx)
{
	g->read_hook = fn;
	g->read_ctx = ctx;
}

void gmem_set_write_hook(struct gmem *g, gmem_write_hook fn, void *ctx)
{
	g->write_hook = fn;
	g->write_ctx = ctx;
}
