/* SPDX-License-Identifier: MIT */
/*
 * Reading a recording: the whole file is judged, and an index of its records made, before anything
 * of it is used. Allocated is what the file is long, and half as much again at most for the index.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "input_priv.h"

#define SMALLEST (LOG_RECORD + LOG_SUM)

static int bad(struct err *err, size_t at, const char *what)
{
	return err_set(err, -EINVAL, "the recording is damaged at byte %zu: %s", at, what);
}

const struct log_rec *log_in_source(const struct log_in *l, unsigned i)
{
	for (size_t n = 0; n < l->start; n++)
		if (l->rec[n].kind == LOG_SOURCE && l->rec[n].source == i)
			return &l->rec[n];
	return NULL;
}

bool log_in_named(const struct log_in *l, const struct log_rec *r, const char *name)
{
	return strlen(name) == r->name_len && !memcmp(l->bytes + r->name, name, r->name_len);
}

static bool good_name(const uint8_t *p, size_t len)
{
	if (!len || len >= INPUT_NAME)
		return false;
	for (size_t i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f)
			return false;
	return true;
}

/* The record's name among those before it of the same kind, or of the sources. */
static const struct log_rec *find(const struct log_in *l, size_t nr, const struct log_rec *r,
				  enum log_kind kind)
{
	for (size_t i = 0; i < nr; i++) {
		const struct log_rec *o = &l->rec[i];

		if (o->kind == kind && o->name_len == r->name_len &&
		    !memcmp(l->bytes + o->name, l->bytes + r->name, r->name_len))
			return o;
		if (o->kind == LOG_START)
			break;
	}
	return NULL;
}

struct judge {
	bool started, over;
	bool ended[INPUT_SOURCES];
	unsigned values;
};

/* Before the start: what there is. NULL, or what is wrong. */
static const char *judge_setup(struct log_in *l, struct judge *j, struct log_rec *r)
{
	switch (r->kind) {
	case LOG_SOURCE:
		if (r->len)
			return "a source with data";
		if (find(l, l->nr, r, LOG_SOURCE))
			return "a source twice";
		if (l->nr_sources == INPUT_SOURCES)
			return "too many sources";
		r->source = (uint8_t)l->nr_sources++;
		return NULL;
	case LOG_VALUE:
		if (r->len != 8)
			return "a value that is not of 8 bytes";
		if (find(l, l->nr, r, LOG_VALUE))
			return "a value twice";
		return j->values++ == INPUT_SOURCES ? "too many values" : NULL;
	case LOG_START:
		if (r->len != 8)
			return "a start that is not of 8 bytes";
		j->started = true;
		l->start = l->nr;
		return NULL;
	default:
		return "a record before the start";
	}
}

static const char *judge_run(const struct log_in *l, struct judge *j, struct log_rec *r)
{
	const struct log_rec *s;

	switch (r->kind) {
	case LOG_DATA:
	case LOG_END:
		if (r->kind == LOG_END ? r->len != 0 : !r->len || r->len > INPUT_MSG)
			return "a message of an impossible length";
		s = find(l, l->start, r, LOG_SOURCE);
		if (!s)
			return "a message of a source that is not named at the start";
		if (j->ended[s->source])
			return "a message of a source after its end";
		j->ended[s->source] = r->kind == LOG_END;
		r->source = s->source;
		return NULL;
	case LOG_FINISH:
	case LOG_CUT:
		if (r->len != (r->kind == LOG_FINISH ? 8 : 0))
			return "an end of an impossible length";
		j->over = true;
		return NULL;
	default:
		return "a record of the set-up after the start";
	}
}

static const char *judge(struct log_in *l, struct judge *j, struct log_rec *r)
{
	bool named = r->kind != LOG_START && r->kind != LOG_FINISH && r->kind != LOG_CUT;

	if (r->kind == 0 || r->kind >= LOG_KINDS)
		return "a record of no known kind";
	if (named ? !good_name(l->bytes + r->name, r->name_len) : r->name_len != 0)
		return "a record with an impossible name";
	if (l->nr && r->time < l->rec[l->nr - 1].time)
		return "time goes back";
	return j->started ? judge_run(l, j, r) : judge_setup(l, j, r);
}

/* The record at (at); its length in the file, 0: (err) says what is wrong. */
static size_t take(struct log_in *l, struct judge *j, size_t at, uint64_t *sum, struct err *err)
{
	const uint8_t *p = l->bytes + at;
	size_t left = l->len - at, body;
	struct log_rec r = {0};
	const char *wrong;

	if (left < SMALLEST) {
		bad(err, at, "it ends in the middle of a record");
		return 0;
	}
	r.len = ld_le32(p);
	r.kind = p[4];
	r.name_len = p[5];
	r.time = ld_le64(p + 8);
	body = (size_t)r.name_len + r.len;
	if (body > left - SMALLEST) {
		bad(err, at, "it ends in the middle of a record");
		return 0;
	}
	*sum = hash64(*sum, p, LOG_RECORD);
	if (r.name_len)
		*sum = hash64(*sum, p + LOG_RECORD, r.name_len);
	if (r.len)
		*sum = hash64(*sum, p + LOG_RECORD + r.name_len, r.len);
	if (ld_le64(p + LOG_RECORD + body) != *sum) {
		bad(err, at, "a record's check sum is wrong");
		return 0;
	}
	if (ld_le16(p + 6)) {
		bad(err, at, "a field that is 0 is not");
		return 0;
	}
	r.name = at + LOG_RECORD;
	r.data = r.name + r.name_len;
	wrong = judge(l, j, &r);
	if (wrong) {
		bad(err, at, wrong);
		return 0;
	}
	l->rec[l->nr++] = r;
	return SMALLEST + body;
}

static int read_records(struct log_in *l, uint64_t sum, struct err *err)
{
	struct judge j = {0};
	size_t at = LOG_HEADER, n, cap = 0;

	while (at < l->len) {
		if (j.over)
			return bad(err, at, "there is something behind its end");
		if (l->nr == cap) {
			struct log_rec *more;

			cap = cap ? 2 * cap : 64;
			more = realloc(l->rec, cap * sizeof(*more));
			if (!more)
				return err_set(err, -ENOMEM, "no memory for a recording");
			l->rec = more;
		}
		n = take(l, &j, at, &sum, err);
		if (!n)
			return -EINVAL;
		at += n;
	}
	if (!j.over)
		return bad(err, at, "it was never closed");
	return 0;
}

int log_in_open(struct log_in **out, uint8_t *bytes, size_t len, struct err *err)
{
	struct log_in *l = calloc(1, sizeof(*l));
	uint64_t sum;
	int rc;

	*out = NULL;
	if (!l) {
		free(bytes);
		return err_set(err, -ENOMEM, "no memory for a recording");
	}
	l->bytes = bytes;
	l->len = len;
	if (len < LOG_HEADER || memcmp(bytes, LOG_MAGIC, 8)) {
		rc = err_set(err, -EINVAL, "this is no recording: --record FILE makes one");
	} else if (ld_le32(bytes + 8) != LOG_VERSION || ld_le32(bytes + 12)) {
		rc = err_set(err, -EINVAL, "a recording of version %" PRIu32 ": this is for %u",
			     ld_le32(bytes + 8), LOG_VERSION);
	} else {
		sum = hash64(0, bytes, LOG_HEADER - LOG_SUM);
		rc = ld_le64(bytes + LOG_HEADER - LOG_SUM) == sum
			     ? read_records(l, sum, err)
			     : bad(err, 0, "its head's check sum is wrong");
	}
	if (rc) {
		log_in_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void log_in_free(struct log_in *l)
{
	if (!l)
		return;
	free(l->bytes);
	free(l->rec);
	free(l);
}
