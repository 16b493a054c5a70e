/* SPDX-License-Identifier: MIT */
/* Field tables: save and load. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "state_priv.h"

#define STATE_MAGIC 0x31545356u /* "VST1" */
#define FIELD_HEAD  12		/* bytes of a field before its elements, without its name */

/* An element as saved is as wide as in memory, but for a bool, whose width is the compiler's. */
static uint32_t saved_size(const struct state_field *f)
{
	return f->kind == STATE_BOOL ? 1 : f->size;
}

static uint32_t count_fields(const struct state_table *t)
{
	uint32_t n = 0;

	while (t->fields[n].name)
		n++;
	return n;
}

uint64_t state_get(const struct state_field *f, const void *obj, uint32_t index)
{
	const uint8_t *p = (const uint8_t *)obj + f->off + (size_t)index * f->size;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;
	bool flag;

	if (f->kind == STATE_BOOL) {
		memcpy(&flag, p, sizeof(flag));
		return flag;
	}
	switch (f->size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		return v32;
	default:
		assert(f->size == 8);
		memcpy(&v64, p, sizeof(v64));
		return v64;
	}
}

uint32_t state_pack(const struct state_field *f, const void *obj, uint32_t first, uint8_t *to)
{
	uint32_t size = saved_size(f), n = f->count - first;

	if (n > STATE_CHUNK / size)
		n = STATE_CHUNK / size;
	for (uint32_t i = 0; i < n; i++)
		st_le(to + (size_t)i * size, size, state_get(f, obj, first + i));
	return n;
}

/* The table's own name and version, how many fields there are. */
static void put_head(struct buf *b, const struct state_table *t)
{
	size_t len = strlen(t->name);
	uint8_t head[14];

	assert(len <= UINT16_MAX);
	st_le32(head, STATE_MAGIC);
	st_le32(head + 4, t->version);
	st_le32(head + 8, count_fields(t));
	st_le16(head + 12, (uint16_t)len);
	buf_put(b, head, sizeof(head));
	buf_put(b, t->name, len);
}

/* What is before a field's elements, at once where it is short: a fuzz target saves often. */
static void put_field_head(struct buf *b, const struct state_field *f)
{
	size_t len = strlen(f->name);
	uint8_t head[64], *tail = head + 2;

	assert(len <= UINT16_MAX);
	st_le16(head, (uint16_t)len);
	if (len <= sizeof(head) - FIELD_HEAD) {
		memcpy(tail, f->name, len);
		tail += len;
	} else {
		buf_put(b, head, 2);
		buf_put(b, f->name, len);
		tail = head;
	}
	tail[0] = (uint8_t)f->kind;
	tail[1] = 0;
	st_le32(tail + 2, saved_size(f));
	st_le32(tail + 6, f->count);
	buf_put(b, head, (size_t)(tail + 10 - head));
}

int state_save(const struct state_table *t, const void *obj, struct buf *out)
{
	put_head(out, t);
	for (const struct state_field *f = t->fields; f->name; f++) {
		uint8_t chunk[STATE_CHUNK];

		put_field_head(out, f);
		if (state_is_as_saved(f)) {
			buf_put(out, (const uint8_t *)obj + f->off, (size_t)f->count * f->size);
			continue;
		}
		for (uint32_t i = 0, n; i < f->count && !out->failed; i += n) {
			n = state_pack(f, obj, i, chunk);
			buf_put(out, chunk, (size_t)n * saved_size(f));
		}
	}
	return out->failed ? -ENOMEM : 0;
}

/* ---- load ------------------------------------------------------------------------------------ */

/* The saved bytes not yet read. Each take_* fails, and takes nothing, where they are too few. */
struct reader {
	const uint8_t *p;
	size_t left;
};

static const uint8_t *take(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (len > r->left)
		return NULL;
	r->p += len;
	r->left -= len;
	return p;
}

static bool take_u32(struct reader *r, uint32_t *v)
{
	const uint8_t *p = take(r, 4);

	if (p)
		*v = ld_le32(p);
	return p;
}

/* 0 if a name is next and it is (want); -ENODATA: cut off; -EINVAL: it is another. */
static int take_name(struct reader *r, const char *want)
{
	const uint8_t *p = take(r, 2);
	size_t len;

	if (!p)
		return -ENODATA;
	len = ld_le16(p);
	p = take(r, len);
	if (!p)
		return -ENODATA;
	return len == strlen(want) && !memcmp(p, want, len) ? 0 : -EINVAL;
}

static int cut_off(struct err *err, const struct state_table *t, const char *where)
{
	return err_set(err, -EINVAL, "saved state of %s: cut off at %s; save it again", t->name,
		       where);
}

static int check_head(const struct state_table *t, struct reader *r, struct err *err)
{
	uint32_t magic, version, n;
	int rc;

	if (!take_u32(r, &magic))
		return cut_off(err, t, "its start");
	if (magic != STATE_MAGIC)
		return err_set(err, -EINVAL, "saved state of %s: does not begin with VST1; not one",
			       t->name);
	if (!take_u32(r, &version) || !take_u32(r, &n))
		return cut_off(err, t, "its head");
	rc = take_name(r, t->name);
	if (rc == -ENODATA)
		return cut_off(err, t, "its name");
	if (rc)
		return err_set(err, -EINVAL, "saved state of %s: is of something else", t->name);
	if (version != t->version)
		return err_set(err, -EINVAL,
			       "saved state of %s: version %" PRIu32
			       ", this program has %u; save it again",
			       t->name, version, t->version);
	if (n != count_fields(t))
		return err_set(err, -EINVAL,
			       "saved state of %s: %" PRIu32 " fields, %" PRIu32 " are needed",
			       t->name, n, count_fields(t));
	return 0;
}

/* Check one field. */
static int check_field(const struct state_table *t, const struct state_field *f, struct reader *r,
		       struct err *err)
{
	uint32_t size, count;
	const uint8_t *head, *data;
	int rc = take_name(r, f->name);

	if (rc == -ENODATA)
		return cut_off(err, t, f->name);
	if (rc)
		return err_set(err, -EINVAL, "saved state of %s: another field where %s belongs",
			       t->name, f->name);
	head = take(r, 2);
	if (!head || !take_u32(r, &size) || !take_u32(r, &count))
		return cut_off(err, t, f->name);
	if (head[0] != f->kind || head[1])
		return err_set(err, -EINVAL, "saved state of %s: %s is of another kind", t->name,
			       f->name);
	if (size != saved_size(f) || count != f->count)
		return err_set(err, -EINVAL,
			       "saved state of %s: %s has %" PRIu32 " elements of %" PRIu32
			       " bytes, %" PRIu32 " of %" PRIu32 " are needed",
			       t->name, f->name, count, size, f->count, saved_size(f));
	data = take(r, (size_t)size * count);
	if (!data)
		return cut_off(err, t, f->name);
	for (uint32_t i = 0; f->kind == STATE_BOOL && i < count; i++) {
		if (data[i] > 1)
			return err_set(err, -EINVAL,
				       "saved state of %s: %s[%" PRIu32 "] is %u, no truth value",
				       t->name, f->name, i, data[i]);
	}
	return 0;
}

/* Store one field from its checked form at (p); returns what follows it. */
static const uint8_t *store_field(const struct state_field *f, void *obj, const uint8_t *p)
{
	const uint8_t *data = p + FIELD_HEAD + strlen(f->name);
	uint32_t size = saved_size(f);

	if (state_is_as_saved(f)) {
		memcpy((uint8_t *)obj + f->off, data, (size_t)size * f->count);
		return data + (size_t)size * f->count;
	}
	for (uint32_t i = 0; i < f->count; i++)
		state_put(f, obj, i, ld_le(data + (size_t)i * size, size));
	return data + (size_t)size * f->count;
}

int state_load(const struct state_table *t, void *obj, const void *p, size_t len, size_t *used,
	       struct err *err)
{
	struct reader r = {p, len};
	const uint8_t *first;
	int rc = check_head(t, &r, err);

	first = r.p;
	for (const struct state_field *f = t->fields; f->name && !rc; f++)
		rc = check_field(t, f, &r, err);
	if (rc)
		return rc;
	/* All of it is good: now, and not before, change the object. */
	for (const struct state_field *f = t->fields; f->name; f++)
		first = store_field(f, obj, first);
	assert(first == r.p);
	*used = len - r.left;
	return 0;
}
