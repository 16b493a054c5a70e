/* SPDX-License-Identifier: MIT */
/*
 * state: saved state as hostile bytes into state_load().
 *
 * @modules state
 *
 * Input: byte 0 is the mode.
 *   0 (even): the rest is loaded as it is.
 *   1 (odd):  an object is filled from the next sizeof(struct thing) bytes (zero where the input
 *             ends) and saved; each three bytes that follow, offset (16 bits, modulo) and value,
 *             overwrite a byte of that; the result is loaded.
 *
 * Oracles: a load that fails leaves the object as it was, and says why; one that succeeds used no
 * more than there was, saving gives the same bytes, and a second load the same object; what was
 * saved and not edited loads and gives the object that was saved; the tail after it is not read.
 */
#include <stdint.h>

#include <vmm/state.h>

#include "depth.h"
#include "oracle.h"

DEPTH_COUNTERS(raw_loaded, raw_refused, edited_loaded, edited_refused, plain_loaded, json_printed);

struct thing {
	uint8_t u8;
	bool flag;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	uint16_t arr[3];
	bool flags[2];
	uint8_t raw[9];
	uint32_t host;
	uint8_t untouched; /* in no table */
};

static const struct state_field fields[] = {
	STATE_U(struct thing, u8, 1),
	STATE_B(struct thing, flag, true),
	STATE_U(struct thing, u16, 2),
	STATE_U(struct thing, u32, 3),
	STATE_U(struct thing, u64, 4),
	STATE_ARR(struct thing, arr, 5),
	{"flags", STATE_BOOL, offsetof(struct thing, flags), sizeof(bool), 2, 0, 0},
	STATE_RAW(struct thing, raw),
	{"host", STATE_UINT, offsetof(struct thing, host), 4, 1, 7, STATE_F_NOHASH},
	STATE_END,
};
static const struct state_table table = {"thing", 2, fields};

/* Byte by byte: reset_all() gave the padding a value, and nothing copies without it. */
static bool same(const struct thing *a, const struct thing *b)
{
	const void *pa = a, *pb = b;

	return memcmp(pa, pb, sizeof(*a)) == 0;
}

static void reset_all(struct thing *t)
{
	memset(t, 0, sizeof(*t)); /* padding too: objects are compared whole */
	state_reset(&table, t);
	t->untouched = 0xa5;
}

/* Load, and check all that holds whatever the bytes are. */
static bool load(struct thing *t, const void *p, size_t len)
{
	struct thing before, twice;
	struct buf again = {0};
	struct err e = {0};
	size_t used = 0, used2 = 0;
	int rc;

	reset_all(t);
	before = *t;
	rc = state_load(&table, t, p, len, &used, &e);
	if (rc) {
		FUZZ_ORACLE(same(t, &before), "unchanged", "a refused load changed the object");
		FUZZ_ORACLE(rc == e.code && e.msg[0], "says-why", "%d, but '%s'", rc, e.msg);
		return false;
	}
	FUZZ_ORACLE(used <= len, "used", "%zu of %zu bytes", used, len);
	FUZZ_ORACLE(t->untouched == before.untouched, "inside", "a byte of no field changed");
	if (state_save(&table, t, &again))
		abort(); /* a few hundred bytes */
	FUZZ_ORACLE(again.len == used && !memcmp(again.p, p, used), "same-bytes",
		    "saving what was loaded gives other bytes");
	reset_all(&twice);
	rc = state_load(&table, &twice, again.p, again.len, &used2, NULL);
	FUZZ_ORACLE(!rc && used2 == used, "without-tail", "%d without what followed", rc);
	FUZZ_ORACLE(same(t, &twice), "same-object", "a second load differs");
	FUZZ_ORACLE(state_hash(&table, t, 1) == state_hash(&table, &twice, 1) &&
			    !state_diff(&table, t, &twice, NULL, NULL),
		    "hash-diff", "equal objects, but another hash or a difference");
	buf_free(&again);
	return true;
}

/* An object from bytes; bools take the lowest bit. */
static void fill(struct thing *t, const uint8_t *p, size_t len)
{
	uint8_t in[64] = {0};

	memcpy(in, p, len < sizeof(in) ? len : sizeof(in));
	reset_all(t);
	t->u8 = in[0];
	t->flag = in[1] & 1;
	t->u16 = ld_le16(in + 2);
	t->u32 = ld_le32(in + 4);
	t->u64 = ld_le64(in + 8);
	for (unsigned i = 0; i < ARRAY_SIZE(t->arr); i++)
		t->arr[i] = ld_le16(in + 16 + 2 * (size_t)i);
	t->flags[0] = in[22] & 1;
	t->flags[1] = in[23] & 1;
	memcpy(t->raw, in + 24, sizeof(t->raw));
	t->host = ld_le32(in + 36);
}

#define FILL 40 /* bytes that fill() looks at */

static void edited(const uint8_t *p, size_t len)
{
	struct buf form = {0};
	struct thing was, got;
	bool changed = false;

	fill(&was, p, len);
	if (state_save(&table, &was, &form))
		abort();
	for (size_t i = FILL; i + 3 <= len; i += 3) {
		size_t at = ld_le16(p + i) % form.len;

		form.p[at] = (char)p[i + 2];
		changed = true;
	}
	if (load(&got, form.p, form.len)) {
		depth_hit(edited_loaded);
		if (!changed) {
			struct buf json = {0};

			depth_hit(plain_loaded);
			FUZZ_ORACLE(same(&was, &got), "round-trip",
				    "save and load give another object");
			state_json(&table, &got, &json);
			FUZZ_ORACLE(!json.failed && json.p[json.len - 1] == '}', "json", "'%s'",
				    buf_str(&json));
			depth_hit(json_printed);
			buf_free(&json);
		}
	} else {
		depth_hit(edited_refused);
		FUZZ_ORACLE(changed, "accepts-own", "what was saved is refused");
	}
	buf_free(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct thing t;

	if (!size)
		return 0;
	if (data[0] & 1)
		edited(data + 1, size - 1);
	else if (load(&t, data + 1, size - 1))
		depth_hit(raw_loaded);
	else
		depth_hit(raw_refused);
	return 0;
}
