/* SPDX-License-Identifier: MIT */
/* Ranges in sorted arrays, one a space; an access is one look-up, most often of the last range. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm/bus.h>

struct range {
	uint64_t base, len;
	const struct bus_ops *ops;
	void *ctx;
	int id;
};

struct space {
	unsigned nr, last; /* last: index of the range that was hit last, a guess */
	struct range range[BUS_RANGES];
	bool id_used[BUS_RANGES];
};

struct bus {
	struct trace *trace;
	unsigned depth;
	struct space space[BUS_SPACES];
};

/* The last address of each space. */
static const uint64_t space_top[BUS_SPACES] = {
	[BUS_PIO] = 0xffff, [BUS_MMIO] = UINT64_MAX, [BUS_MSR] = UINT32_MAX};
static const char *const space_names[BUS_SPACES] = {"PIO", "MMIO", "MSR"};

struct bus *bus_new(struct trace *trace)
{
	struct bus *b = calloc(1, sizeof(*b));

	if (b)
		b->trace = trace;
	return b;
}

void bus_free(struct bus *b)
{
	free(b);
}

/* Index of the first range whose last byte is at or above (addr); nr if there is none. */
static unsigned lower_bound(const struct space *s, uint64_t addr)
{
	unsigned lo = 0, hi = s->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		const struct range *r = &s->range[mid];

		if (r->base + (r->len - 1) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct range *find(struct space *s, uint64_t addr)
{
	unsigned i = s->last;

	if (i < s->nr && addr - s->range[i].base < s->range[i].len)
		return &s->range[i];
	i = lower_bound(s, addr);
	if (i == s->nr || addr < s->range[i].base)
		return NULL;
	s->last = i;
	return &s->range[i];
}

/* Is [base, base + len) a range that may be there, beside all others? Where would it go? */
static int place(const struct space *s, enum bus_space space, uint64_t base, uint64_t len,
		 unsigned *at, struct err *err)
{
	unsigned i;

	if (!len || base > space_top[space] || len - 1 > space_top[space] - base)
		return err_set(err, -EINVAL,
			       "bus: %s range 0x%" PRIx64 " of 0x%" PRIx64
			       " bytes is empty or ends beyond 0x%" PRIx64 ": choose another base",
			       space_names[space], base, len, space_top[space]);
	i = lower_bound(s, base);
	if (i < s->nr && s->range[i].base <= base + (len - 1))
		return err_set(err, -EEXIST,
			       "bus: %s range 0x%" PRIx64 " of 0x%" PRIx64
			       " bytes overlaps the one at 0x%" PRIx64 " of 0x%" PRIx64
			       " bytes: choose another base",
			       space_names[space], base, len, s->range[i].base, s->range[i].len);
	*at = i;
	return 0;
}

static void insert(struct space *s, unsigned at, const struct range *r)
{
	memmove(&s->range[at + 1], &s->range[at], (s->nr - at) * sizeof(s->range[0]));
	s->range[at] = *r;
	s->nr++;
}

static void take_out(struct space *s, unsigned at)
{
	s->nr--;
	memmove(&s->range[at], &s->range[at + 1], (s->nr - at) * sizeof(s->range[0]));
}

int bus_add(struct bus *b, enum bus_space space, uint64_t base, uint64_t len,
	    const struct bus_ops *ops, void *ctx, struct err *err)
{
	struct space *s = &b->space[space];
	struct range r = {.base = base, .len = len, .ops = ops, .ctx = ctx};
	unsigned at, slot = 0;
	int rc;

	rc = place(s, space, base, len, &at, err);
	if (rc)
		return rc;
	if (s->nr == BUS_RANGES)
		return err_set(err, -E2BIG, "bus: all %u %s ranges are taken: remove a device",
			       BUS_RANGES, space_names[space]);
	while (s->id_used[slot])
		slot++;
	s->id_used[slot] = true;
	r.id = (int)space * BUS_RANGES + (int)slot;
	insert(s, at, &r);
	return r.id;
}

/* The range with (id) and its space, or NULL. */
static struct space *by_id(struct bus *b, int id, unsigned *at)
{
	struct space *s;

	if (id < 0 || id >= BUS_SPACES * BUS_RANGES)
		return NULL;
	s = &b->space[id / BUS_RANGES];
	for (unsigned i = 0; i < s->nr; i++) {
		if (s->range[i].id == id) {
			*at = i;
			return s;
		}
	}
	return NULL;
}

int bus_remove(struct bus *b, int id)
{
	unsigned at;
	struct space *s = by_id(b, id, &at);

	if (!s)
		return -ENOENT;
	take_out(s, at);
	s->id_used[id % BUS_RANGES] = false;
	return 0;
}

int bus_move(struct bus *b, int id, uint64_t base, struct err *err)
{
	unsigned from, to;
	struct space *s = by_id(b, id, &from);
	struct range r;
	int rc;

	if (!s)
		return err_set(err, -ENOENT, "bus: no range has the id %d", id);
	r = s->range[from];
	/* Without itself, because the new place may overlap the old one. */
	take_out(s, from);
	rc = place(s, (enum bus_space)(id / BUS_RANGES), base, r.len, &to, err);
	if (rc) {
		insert(s, from, &r);
		return rc;
	}
	r.base = base;
	insert(s, to, &r);
	return 0;
}

/*
 * One piece, wholly inside (r) or, with r NULL, wholly outside of every range. (r) is not used
 * after the handler: it may have moved.
 */
static uint64_t piece(struct bus *b, enum bus_space space, const struct range *r, bool write,
		      uint64_t addr, unsigned size, uint64_t val)
{
	if (!r) {
		struct trace_event ev = {.kind = TRACE_UNMAPPED,
					 .size = (uint8_t)size,
					 .write = write,
					 .aux = space,
					 .addr = addr,
					 .val = write ? val : size_mask(size)};

		trace_put(b->trace, &ev);
		return size_mask(size);
	}
	assert(b->depth == 0);
	b->depth++;
	if (write)
		r->ops->write(r->ctx, addr - r->base, size, val);
	else
		val = r->ops->read(r->ctx, addr - r->base, size) & size_mask(size);
	b->depth--;
	return val;
}

/* How many of (size) bytes from (addr) have the same owner, (r) or nobody. */
static uint64_t same_owner(const struct space *s, const struct range *r, uint64_t addr,
			   unsigned size, uint64_t top)
{
	uint64_t n = size;
	unsigned i;

	if (r)
		return r->len - (addr - r->base) < n ? r->len - (addr - r->base) : n;
	i = lower_bound(s, addr);
	if (i < s->nr && s->range[i].base - addr < n)
		n = s->range[i].base - addr;
	if (top - addr < n)
		n = top - addr + 1;
	return n;
}

/* The access piece by piece; every piece is looked up anew, for a handler may move ranges. */
static int pieces(struct bus *b, enum bus_space space, bool write, uint64_t addr, unsigned size,
		  uint64_t in, uint64_t *out)
{
	struct space *s = &b->space[space];
	uint64_t top = space_top[space];
	int rc = -ENXIO;

	*out = 0;
	for (unsigned done = 0; done < size;) {
		struct range *r = find(s, addr);
		uint64_t left = same_owner(s, r, addr, size - done, top);
		unsigned n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
		uint64_t val = in >> (8 * done) & size_mask(n);

		if (r)
			rc = 0;
		*out |= piece(b, space, r, write, addr, n, val) << (8 * done);
		done += n;
		if (top - addr >= n) {
			addr += n;
		} else if (space == BUS_PIO) {
			addr = 0; /* the port number has 16 bits */
		} else {
			*out |= size_mask(size) & ~size_mask(done);
			break;
		}
	}
	return rc;
}

static int dispatch_msr(struct bus *b, bool write, uint64_t addr, uint64_t in, uint64_t *out)
{
	struct range *r = find(&b->space[BUS_MSR], addr);

	*out = piece(b, BUS_MSR, r, write, addr, 8, in);
	return r ? 0 : -ENXIO;
}

static inline int dispatch(struct bus *b, enum bus_space space, bool write, uint64_t addr,
			   unsigned size, uint64_t in, uint64_t *out)
{
	struct range *r;

	assert(size >= 1 && size <= 8 && space < BUS_SPACES);
	if (space == BUS_MSR)
		return dispatch_msr(b, write, addr, in, out);
	if (space == BUS_PIO)
		addr &= 0xffff;
	in &= size_mask(size);
	r = find(&b->space[space], addr);
	if ((size & (size - 1)) == 0 && r && r->len - (addr - r->base) >= size) {
		*out = piece(b, space, r, write, addr, size, in);
		return 0;
	}
	return pieces(b, space, write, addr, size, in, out);
}

int bus_read(struct bus *b, enum bus_space space, uint64_t addr, unsigned size, uint64_t *val)
{
	return dispatch(b, space, false, addr, size, 0, val);
}

int bus_write(struct bus *b, enum bus_space space, uint64_t addr, unsigned size, uint64_t val)
{
	uint64_t ignored;

	return dispatch(b, space, true, addr, size, val, &ignored);
}

int bus_access(struct bus *b, enum bus_space space, uint64_t addr, void *data, unsigned size,
	       bool write)
{
	uint64_t val;
	int r;

	if (write)
		return bus_write(b, space, addr, size, ld_le(data, size));
	r = bus_read(b, space, addr, size, &val);
	st_le(data, size, val);
	return r;
}

bool bus_range(const struct bus *b, enum bus_space space, unsigned i, uint64_t *base, uint64_t *len,
	       void **ctx)
{
	const struct space *s = &b->space[space];

	if (i >= s->nr)
		return false;
	*base = s->range[i].base;
	*len = s->range[i].len;
	*ctx = s->range[i].ctx;
	return true;
}
