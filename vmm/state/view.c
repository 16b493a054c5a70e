/* SPDX-License-Identifier: MIT */
/* What else a field table gives: reset, hash, diff, JSON. */
#include <inttypes.h>

#include "state_priv.h"

void state_reset(const struct state_table *t, void *obj)
{
	for (const struct state_field *f = t->fields; f->name; f++) {
		if (f->flags & STATE_F_NORESET)
			continue;
		if (f->kind == STATE_BYTES) {
			memset((uint8_t *)obj + f->off, (int)(f->reset & 0xff), f->count);
			continue;
		}
		/* A reset is on fuzzing's hot path: most fields are one number, the large ones 0. */
		if (!f->reset && f->count > 1) {
			memset((uint8_t *)obj + f->off, 0, (size_t)f->size * f->count);
			continue;
		}
		for (uint32_t i = 0; i < f->count; i++)
			state_put(f, obj, i, f->reset);
	}
}

uint64_t state_hash(const struct state_table *t, const void *obj, uint64_t seed)
{
	uint64_t h = hash64(seed, t->name, strlen(t->name));
	uint8_t le[4];

	st_le32(le, t->version);
	h = hash64(h, le, sizeof(le));
	for (const struct state_field *f = t->fields; f->name; f++) {
		uint32_t size = f->kind == STATE_BOOL ? 1 : f->size;
		uint8_t chunk[STATE_CHUNK];

		if (f->flags & STATE_F_NOHASH)
			continue;
		if (f->kind == STATE_BYTES) {
			h = hash64(h, (const uint8_t *)obj + f->off, f->count);
			continue;
		}
		for (uint32_t i = 0, n; i < f->count; i += n) {
			const uint8_t *p = chunk;

			/* Numbers that are in the saved form already need no copy. */
			if (f->kind == STATE_UINT && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
				p = (const uint8_t *)obj + f->off + (size_t)i * size;
				n = f->count - i < STATE_CHUNK / size ? f->count - i
								      : STATE_CHUNK / size;
			} else {
				n = state_pack(f, obj, i, chunk);
			}
			h = hash64(h, p, (size_t)n * size);
		}
	}
	return h;
}

/* The first byte that differs counts for all. */
static unsigned diff_bytes(const struct state_field *f, const void *a, const void *b,
			   state_diff_fn cb, void *ctx)
{
	const uint8_t *pa = (const uint8_t *)a + f->off, *pb = (const uint8_t *)b + f->off;

	for (uint32_t i = 0; i < f->count; i++) {
		if (pa[i] == pb[i])
			continue;
		if (cb)
			cb(ctx, f->name, i, pa[i], pb[i]);
		return 1;
	}
	return 0;
}

unsigned state_diff(const struct state_table *t, const void *a, const void *b, state_diff_fn cb,
		    void *ctx)
{
	unsigned n = 0;

	for (const struct state_field *f = t->fields; f->name; f++) {
		if (f->flags & STATE_F_NOHASH)
			continue;
		if (f->kind == STATE_BYTES) {
			n += diff_bytes(f, a, b, cb, ctx);
			continue;
		}
		for (uint32_t i = 0; i < f->count; i++) {
			uint64_t va = state_get(f, a, i), vb = state_get(f, b, i);

			if (va == vb)
				continue;
			n++;
			if (cb)
				cb(ctx, f->name, i, va, vb);
		}
	}
	return n;
}

static void json_element(const struct state_field *f, const void *obj, uint32_t i, struct buf *out)
{
	uint64_t v = state_get(f, obj, i);

	if (f->kind == STATE_BOOL)
		buf_printf(out, "%s", v ? "true" : "false");
	else
		buf_printf(out, "%" PRIu64, v);
}

static void json_field(const struct state_field *f, const void *obj, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)obj + f->off;

	if (f->kind == STATE_BYTES) {
		buf_put(out, "\"", 1);
		for (uint32_t i = 0; i < f->count; i++)
			buf_printf(out, "%02x", p[i]);
		buf_put(out, "\"", 1);
		return;
	}
	if (f->count == 1) {
		json_element(f, obj, 0, out);
		return;
	}
	for (uint32_t i = 0; i < f->count; i++) {
		buf_put(out, i ? "," : "[", 1);
		json_element(f, obj, i, out);
	}
	buf_put(out, "]", 1);
}

void state_json(const struct state_table *t, const void *obj, struct buf *out)
{
	const char *sep = "{";

	if (!t->fields->name)
		buf_put(out, sep, 1);
	for (const struct state_field *f = t->fields; f->name; f++, sep = ",") {
		buf_put(out, sep, 1);
		buf_put_json(out, f->name, strlen(f->name));
		buf_put(out, ":", 1);
		json_field(f, obj, out);
	}
	buf_put(out, "}", 1);
}
