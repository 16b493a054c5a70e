/* SPDX-License-Identifier: MIT */
/* The ring of events and the hash over the canonical ones. */
#include <stdlib.h>

#include <vmm/trace.h>

#define EVENTS_MAX (1u << 20)

struct trace {
	uint64_t count; /* ever put: the next slot is count & mask */
	uint64_t hash;
	uint64_t mask;
	const uint64_t *time, *rip;
	trace_sink_fn sink;
	void *sink_ctx;
	struct trace_event ev[];
};

/* Any value but 0 would do: an empty stream must not look like "no hash". */
#define HASH_START 0x5669736554726163ull /* "ViseTrac" */

struct trace *trace_new(unsigned events)
{
	struct trace *t;
	uint64_t n = 1;

	while (n < events && n < EVENTS_MAX)
		n <<= 1;
	t = calloc(1, sizeof(*t) + n * sizeof(t->ev[0]));
	if (!t)
		return NULL;
	t->mask = n - 1;
	t->hash = HASH_START;
	return t;
}

void trace_free(struct trace *t)
{
	free(t);
}

void trace_clear(struct trace *t)
{
	t->count = 0;
	t->hash = HASH_START;
}

void trace_set_sink(struct trace *t, trace_sink_fn fn, void *ctx)
{
	t->sink = fn;
	t->sink_ctx = ctx;
}

void trace_set_sources(struct trace *t, const uint64_t *time, const uint64_t *rip)
{
	t->time = time;
	t->rip = rip;
}

/*
 * Two rounds of xor, multiply by an odd number, fold: each is a bijection of the old hash, so no
 * event can make the stream before it forgotten. Cheap because every exit pays for it; hash64()
 * serves only for text, which ends a run.
 */
static uint64_t mix(uint64_t h, const struct trace_event *ev)
{
	uint64_t what = (uint64_t)ev->kind | (uint64_t)ev->size << 8 | (uint64_t)ev->write << 16 |
			(uint64_t)ev->aux << 32;

	h = (h ^ ev->addr) * 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	h = (h + what * 0xbf58476d1ce4e5b9ull) ^ ev->val;
	h *= 0x94d049bb133111ebull;
	h ^= h >> 32;
	if (ev->text)
		h = hash64(h, ev->text, strlen(ev->text));
	return h;
}

/* The event is in its slot: stamp, hash, publish. */
static void finish(struct trace *t, struct trace_event *ev)
{
	ev->time = t->time ? *t->time : 0;
	ev->rip = t->rip ? *t->rip : 0;
	if (trace_is_canonical(ev))
		t->hash = mix(t->hash, ev);
	t->count++;
	if (t->sink)
		t->sink(t->sink_ctx, ev);
}

void trace_put(struct trace *t, const struct trace_event *ev)
{
	struct trace_event *slot;

	if (!t)
		return;
	slot = &t->ev[t->count & t->mask];
	*slot = *ev;
	finish(t, slot);
}

void trace_access(struct trace *t, enum trace_kind kind, bool write, unsigned size, uint64_t addr,
		  uint64_t val)
{
	struct trace_event *slot;

	if (!t)
		return;
	slot = &t->ev[t->count & t->mask];
	slot->kind = (uint8_t)kind;
	slot->size = (uint8_t)size;
	slot->write = write;
	slot->aux = 0;
	slot->addr = addr;
	slot->val = val & size_mask(size);
	slot->text = NULL;
	finish(t, slot);
}

void trace_note(struct trace *t, enum trace_kind kind, uint32_t aux, uint64_t addr, uint64_t val,
		const char *text)
{
	struct trace_event *slot;

	if (!t)
		return;
	slot = &t->ev[t->count & t->mask];
	slot->kind = (uint8_t)kind;
	slot->size = 0;
	slot->write = false;
	slot->aux = aux;
	slot->addr = addr;
	slot->val = val;
	slot->text = text;
	finish(t, slot);
}

uint64_t trace_count(const struct trace *t)
{
	return t->count;
}

const struct trace_event *trace_last(const struct trace *t, unsigned i)
{
	if (i >= t->count || i > t->mask)
		return NULL;
	return &t->ev[(t->count - 1 - i) & t->mask];
}

uint64_t trace_hash(const struct trace *t)
{
	return t->hash;
}
