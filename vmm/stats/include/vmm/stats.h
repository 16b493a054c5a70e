/* SPDX-License-Identifier: MIT */
/*
 * stats: counters and histograms by name. Whoever counts has plain numbers in a struct of its own and
 * adds to them; a table says what they are called, and gives reset, merge, JSON and documentation.
 *
 * Guarantees: counting is an addition to a uint64_t; nothing here allocates but into the caller's buf,
 * and no state but the caller's is kept. Numbers are no part of a machine's state: no hash, no saved
 * form, no reset of a guest's knows them.
 * The caller promises: the object is at least as large as its table says. Nothing is to be freed.
 */
#ifndef VMM_STATS_H
#define VMM_STATS_H

#include <vmm/base.h>

enum stats_kind {
	STATS_COUNT, /* a uint64_t that is added to */
	STATS_MAX,   /* a uint64_t: the most that was seen */
	STATS_HIST,  /* a struct stats_hist */
};

/* Bucket 0 has the zeroes, bucket n the values from 2^(n-1) to 2^n - 1; the last one all above. */
#define STATS_BUCKETS 40u
struct stats_hist {
	uint64_t sum, max;
	uint64_t bucket[STATS_BUCKETS];
};

struct stats_entry {
	const char *name; /* NULL ends the table */
	const char *help;
	const char *unit; /* of the number, or of a histogram's values: "bytes", "ns", ""  */
	enum stats_kind kind;
	uint32_t off;	/* from the object's start */
	uint32_t count; /* 1; more: so many in a row, whose names come from (names) */
	/* The i-th one's name, behind the entry's; NULL: there is none, it is left out. */
	const char *(*names)(unsigned i);
};

#define STATS_C(type, member, text, unit_)                                                         \
	{                                                                                          \
		.name = #member, .help = (text), .unit = (unit_), .kind = STATS_COUNT,             \
		.off = offsetof(type, member), .count = 1                                          \
	}
#define STATS_M(type, member, text, unit_)                                                         \
	{                                                                                          \
		.name = #member, .help = (text), .unit = (unit_), .kind = STATS_MAX,               \
		.off = offsetof(type, member), .count = 1                                          \
	}
#define STATS_H(type, member, text, unit_)                                                         \
	{                                                                                          \
		.name = #member, .help = (text), .unit = (unit_), .kind = STATS_HIST,              \
		.off = offsetof(type, member), .count = 1                                          \
	}
#define STATS_END                                                                                  \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* The bucket of a value, and the least value of a bucket. */
static inline unsigned stats_bucket(uint64_t val)
{
	unsigned n = val ? 64u - (unsigned)__builtin_clzll(val) : 0;

	return n < STATS_BUCKETS ? n : STATS_BUCKETS - 1;
}

static inline uint64_t stats_bucket_from(unsigned n)
{
	return n ? 1ull << (n - 1) : 0;
}

static inline void stats_hist_add(struct stats_hist *h, uint64_t val)
{
	h->bucket[stats_bucket(val)]++;
	h->sum += val;
	if (val > h->max)
		h->max = val;
}

static inline void stats_max(uint64_t *most, uint64_t val)
{
	if (val > *most)
		*most = val;
}

/* How many values a histogram has. */
uint64_t stats_hist_count(const struct stats_hist *h);

/* All numbers of the object are zero. */
void stats_reset(const struct stats_entry *table, void *obj);
/* Those of (from) are added to (to); of a maximum the larger one stays. */
void stats_merge(const struct stats_entry *table, void *to, const void *from);

/*
 * JSON lines, one object a number, in the table's order; (prefix) goes before each name:
 *   {"metric":"exit.pio","value":3}
 *   {"metric":"queue.virtio-blk0.0.chain_length","unit":"descriptors","count":2,"sum":5,"max":3,
 *    "buckets":[[2,2]]}					on one line: pairs of least value and count
 * A value of a unit has it too. Appended; check out->failed.
 */
void stats_json(const struct stats_entry *table, const char *prefix, const void *obj,
		struct buf *out);
/* What there is, for people: a line each, name, unit and help. */
void stats_list(const struct stats_entry *table, const char *prefix, struct buf *out);

#endif
