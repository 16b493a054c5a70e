/* SPDX-License-Identifier: MIT */
/* Counters and histograms by their tables. */
#include <inttypes.h>
#include <stdio.h>

#include <vmm/stats.h>

static size_t size_of(const struct stats_entry *e)
{
	return e->kind == STATS_HIST ? sizeof(struct stats_hist) : sizeof(uint64_t);
}

/* The (i)-th of an entry's name, in (name); false: it is left out. */
static bool full_name(const struct stats_entry *e, unsigned i, const char *prefix, char *name,
		      size_t len)
{
	const char *own = e->names ? e->names(i) : NULL;

	if (e->names && !own)
		return false;
	(void)snprintf(name, len, "%s%s%s%s", prefix, e->name, own && *e->name ? "." : "",
		       own ? own : "");
	return true;
}

uint64_t stats_hist_count(const struct stats_hist *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < STATS_BUCKETS; i++)
		n += h->bucket[i];
	return n;
}

void stats_reset(const struct stats_entry *table, void *obj)
{
	for (const struct stats_entry *e = table; e->name; e++)
		memset((uint8_t *)obj + e->off, 0, e->count * size_of(e));
}

static void merge_hist(struct stats_hist *to, const struct stats_hist *from)
{
	to->sum += from->sum;
	stats_max(&to->max, from->max);
	for (unsigned i = 0; i < STATS_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

void stats_merge(const struct stats_entry *table, void *to, const void *from)
{
	for (const struct stats_entry *e = table; e->name; e++) {
		for (unsigned i = 0; i < e->count; i++) {
			size_t at = e->off + i * size_of(e);
			uint64_t *t = (void *)((uint8_t *)to + at);
			const uint64_t *f = (const void *)((const uint8_t *)from + at);

			if (e->kind == STATS_HIST)
				merge_hist((struct stats_hist *)t, (const struct stats_hist *)f);
			else if (e->kind == STATS_MAX)
				stats_max(t, *f);
			else
				*t += *f;
		}
	}
}

static void put_hist(const struct stats_hist *h, struct buf *out)
{
	const char *sep = "";

	buf_printf(out,
		   "\"count\":%" PRIu64 ",\"sum\":%" PRIu64 ",\"max\":%" PRIu64 ",\"buckets\":[",
		   stats_hist_count(h), h->sum, h->max);
	for (unsigned i = 0; i < STATS_BUCKETS; i++) {
		if (!h->bucket[i])
			continue;
		buf_printf(out, "%s[%" PRIu64 ",%" PRIu64 "]", sep, stats_bucket_from(i),
			   h->bucket[i]);
		sep = ",";
	}
	buf_printf(out, "]}\n");
}

void stats_json(const struct stats_entry *table, const char *prefix, const void *obj,
		struct buf *out)
{
	char name[160];

	for (const struct stats_entry *e = table; e->name; e++) {
		for (unsigned i = 0; i < e->count; i++) {
			const void *p = (const uint8_t *)obj + e->off + i * size_of(e);

			if (!full_name(e, i, prefix, name, sizeof(name)))
				continue;
			buf_printf(out, "{\"metric\":\"%s\",", name);
			if (*e->unit)
				buf_printf(out, "\"unit\":\"%s\",", e->unit);
			if (e->kind == STATS_HIST)
				put_hist(p, out);
			else
				buf_printf(out, "\"value\":%" PRIu64 "}\n", *(const uint64_t *)p);
		}
	}
}

void stats_list(const struct stats_entry *table, const char *prefix, struct buf *out)
{
	static const char *const kinds[] = {
		[STATS_COUNT] = "", [STATS_MAX] = "the most: ", [STATS_HIST] = "histogram: "};
	char name[160];

	for (const struct stats_entry *e = table; e->name; e++) {
		for (unsigned i = 0; i < e->count; i++) {
			if (!full_name(e, i, prefix, name, sizeof(name)))
				continue;
			buf_printf(out, "%-36s %s%s%s%s%s\n", name, kinds[e->kind], e->help,
				   *e->unit ? " (" : "", e->unit, *e->unit ? ")" : "");
		}
	}
}
