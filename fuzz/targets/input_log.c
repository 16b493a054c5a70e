/* SPDX-License-Identifier: MIT */
/*
 * input_log: a recording of what came from outside, read and replayed.
 * @modules input
 *
 * The input is the file itself, or (first byte odd) a list of records that are written down with right
 * sums, so that what is behind the sums is reached; (first byte & 2) a bit of that file is then flipped.
 * Oracles: a model of the rules, over the list, agrees on whether it is taken; a file with a flipped bit
 * never is; what is delivered, to whom and when is what the list says, whatever steps the clock takes;
 * going back in time delivers the rest again; a fault comes only where the run goes on beyond the end.
 */
#include <stdlib.h>

#include <vmm/input.h>

#include <depth.h>
#include <oracle.h>
#include <stats.h>

DEPTH_COUNTERS(refused, refused_by_rules, refused_by_sums, started, not_this_machine, delivered,
	       source_ended, finished, cut, went_back, diverged);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SOURCES	      3u
#define RECORDS	      64u
#define OTHER_MACHINE 0xf0u /* from this step on: not the one that was recorded */
/* The form, by numbers of its own: what is judged is not asked how it looks. */
enum { SOURCE = 1, VALUE, START, DATA, END, FINISH, CUT };
static const char *const names[SOURCES] = {"a", "bb", "ccc"};

struct record {
	uint8_t kind, source;
	uint32_t len;
	uint64_t time;
	const uint8_t *data;
};

struct list {
	struct record r[RECORDS];
	unsigned nr;
	struct buf file;
};

/* ---- making a recording -------------------------------------------------------------------------- */

static void put_sum(struct buf *b, uint64_t sum)
{
	uint8_t s[8];

	st_le64(s, sum);
	buf_put(b, s, sizeof(s));
}

static uint64_t put(struct buf *b, uint64_t sum, const void *p, size_t len)
{
	if (len)
		buf_put(b, p, len);
	return len ? hash64(sum, p, len) : sum;
}

static bool has_name(unsigned kind)
{
	return kind == SOURCE || kind == VALUE || kind == DATA || kind == END;
}

/* Two bytes a record: kind and source, length; times go up by a bit of the first. */
static void decode(struct list *l, const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size;
	uint64_t time = 0;

	while (l->nr < RECORDS && end - p >= 2) {
		struct record *r = &l->r[l->nr++];

		r->kind = *p & 7;
		r->source = (*p >> 3 & 3) % SOURCES;
		time += (uint64_t)(*p >> 5) * 1000;
		r->time = time;
		r->len = p[1];
		p += 2;
		r->data = p;
		if (r->kind == START || r->kind == FINISH || r->kind == VALUE)
			r->len = r->len < 0xf0 ? 8 : r->len;
		else if (r->kind != DATA)
			r->len = r->len < 0xf0 ? 0 : r->len;
		if (r->len > (size_t)(end - p))
			r->len = (uint32_t)(end - p);
		p += r->len;
	}
}

static void encode(struct list *l)
{
	uint8_t head[16] = "VISEINPT", h[16];
	uint64_t sum;

	st_le32(head + 8, 1);
	sum = put(&l->file, 0, head, sizeof(head));
	put_sum(&l->file, sum);
	for (unsigned i = 0; i < l->nr; i++) {
		const struct record *r = &l->r[i];
		const char *name = has_name(r->kind) ? names[r->source] : "";

		memset(h, 0, sizeof(h));
		st_le32(h, r->len);
		h[4] = r->kind;
		h[5] = (uint8_t)strlen(name);
		st_le64(h + 8, r->time);
		sum = put(&l->file, sum, h, sizeof(h));
		sum = put(&l->file, sum, name, strlen(name));
		sum = put(&l->file, sum, r->data, r->len);
		put_sum(&l->file, sum);
	}
}

/* ---- the rules, the slow way ---------------------------------------------------------------------- */

static unsigned count(const struct list *l, unsigned upto, unsigned kind, int source)
{
	unsigned n = 0;

	for (unsigned i = 0; i < upto; i++)
		n += l->r[i].kind == kind && (source < 0 || l->r[i].source == source);
	return n;
}

static bool good(const struct list *l)
{
	for (unsigned i = 0; i < l->nr; i++) {
		const struct record *r = &l->r[i];
		bool started = count(l, i, START, -1),
		     over = count(l, i, FINISH, -1) + count(l, i, CUT, -1);

		if (over || started != (r->kind > START) || !r->kind)
			return false;
		switch (r->kind) {
		case SOURCE:
			if (r->len || count(l, i, SOURCE, r->source))
				return false;
			break;
		case VALUE:
			if (r->len != 8 || count(l, i, VALUE, r->source))
				return false;
			break;
		case START:
		case FINISH:
			if (r->len != 8)
				return false;
			break;
		case CUT:
			if (r->len)
				return false;
			break;
		default:
			if ((r->kind == DATA) != (r->len != 0) || !count(l, i, SOURCE, r->source) ||
			    count(l, i, END, r->source))
				return false;
		}
	}
	return l->nr && l->r[l->nr - 1].kind >= FINISH;
}

/* ---- replay ---------------------------------------------------------------------------------------- */

static struct world {
	struct clock clock;
	struct input *in;
	const struct list *l; /* NULL: a file that was given as it is */
	unsigned at;	      /* the next record to be delivered */
} W;

static void deliver(void *ctx, const void *p, size_t len)
{
	unsigned source = (unsigned)(uintptr_t)ctx;
	const struct record *r;

	depth_hit(delivered);
	if (!W.l)
		return;
	FUZZ_ORACLE(W.at < W.l->nr, "delivered", "more than there is");
	r = &W.l->r[W.at++];
	FUZZ_ORACLE((r->kind == DATA || r->kind == END) && r->source == source && r->len == len &&
			    (!len || !memcmp(r->data, p, len)) && r->time == clock_now(&W.clock),
		    "delivered", "record %u, of source %u, at %llu", W.at - 1, source,
		    (unsigned long long)clock_now(&W.clock));
	if (!len)
		depth_hit(source_ended);
}

static const struct input_ops ops = {NULL, NULL, deliver};

static bool start(const uint8_t *identity)
{
	struct input_source *s;
	struct err err;
	uint64_t val;

	for (unsigned i = 0; i < SOURCES; i++) {
		(void)input_value(W.in, names[i], &val, &err);
		(void)input_add(W.in, &s, names[i], &ops, (void *)(uintptr_t)i, &err);
	}
	return !input_start(W.in, identity ? ld_le64(identity) : 0, &err);
}

/* Is the next thing the end, and does time go beyond it? */
static bool beyond_the_end(uint64_t now)
{
	const struct record *r = &W.l->r[W.at];

	return W.at < W.l->nr && r->kind == FINISH && now > r->time;
}

static void check(void)
{
	uint64_t now = clock_now(&W.clock);

	if (!W.l)
		return;
	FUZZ_ORACLE((input_fault(W.in) != NULL) == beyond_the_end(now), "fault", "at %llu: %s",
		    (unsigned long long)now, input_fault(W.in) ? input_fault(W.in) : "none");
	FUZZ_ORACLE(W.at == W.l->nr || W.l->r[W.at].kind >= FINISH || W.l->r[W.at].time > now,
		    "late", "record %u is not delivered at %llu", W.at, (unsigned long long)now);
	FUZZ_ORACLE(input_over(W.in) == (W.l->r[W.at].kind == CUT && W.l->r[W.at].time <= now),
		    "over", "at %llu", (unsigned long long)now);
}

static void go_back(uint64_t to, unsigned first)
{
	W.clock.now = to;
	input_rearm(W.in);
	for (W.at = first;
	     W.l && W.at < W.l->nr && W.l->r[W.at].time <= to && W.l->r[W.at].kind < FINISH;)
		W.at++;
	depth_hit(went_back);
}

static void play(uint8_t step, unsigned first)
{
	uint64_t last = W.l ? W.l->r[W.l->nr - 1].time : 100000, begin = clock_now(&W.clock);
	struct err err;

	for (unsigned i = 0; i < 40 && clock_now(&W.clock) < last; i++) {
		FUZZ_ORACLE(!clock_advance(&W.clock, 1 + step * 97u), "clock", "a timer for ever");
		/* At a CUT's own time it is over; before it was looked at, nothing is. */
		check();
	}
	go_back(begin + (last - begin) / 2, first);
	/* No time at all fires what is due, too. */
	FUZZ_ORACLE(!clock_advance(&W.clock,
				   clock_now(&W.clock) < last ? last - clock_now(&W.clock) : 0),
		    "clock", "a timer for ever");
	if (!W.l)
		return;
	check();
	if (W.l->r[W.l->nr - 1].kind == CUT) {
		FUZZ_ORACLE(input_finish(W.in, 0, &err), "finish", "a run that was cut");
		depth_hit(cut);
		return;
	}
	FUZZ_ORACLE(input_finish(W.in, ~ld_le64(W.l->r[W.l->nr - 1].data), &err), "finish",
		    "another result");
	if (!(step & 1)) {
		FUZZ_ORACLE(!clock_advance(&W.clock, 1) && input_fault(W.in), "diverged",
			    "it goes on and nothing is said");
		depth_hit(diverged);
		return;
	}
	FUZZ_ORACLE(!input_finish(W.in, ld_le64(W.l->r[W.l->nr - 1].data), &err), "finish", "%s",
		    err.msg);
	depth_hit(finished);
}

static unsigned first_of(const struct list *l)
{
	unsigned i = 0;

	while (l && l->r[i].kind != START)
		i++;
	return i + 1;
}

static bool replay(const uint8_t *p, size_t len, const struct list *l, uint8_t step)
{
	unsigned first = l && good(l) ? first_of(l) : 0;
	struct err err = {0};
	bool taken;

	W = (struct world){.l = l, .at = first};
	clock_init(&W.clock);
	taken = !input_replay_bytes(&W.in, &W.clock, p, len, &err);
	FUZZ_ORACLE(taken || err.msg[0], "message", "refused without a word");
	if (!taken)
		return false;
	if (l) /* the time at which the machine was made; what is due then is delivered at the next step */
		W.clock.now = l->r[first - 1].time;
	if (step >= OTHER_MACHINE) {
		uint8_t other[8];

		st_le64(other, l ? ~ld_le64(l->r[first - 1].data) : 1);
		FUZZ_ORACLE(!start(other) || !l, "start", "another machine is taken for it");
		depth_hit(not_this_machine);
	} else if (start(l ? l->r[first - 1].data : NULL)) {
		depth_hit(started);
		play(step, first);
	} else {
		FUZZ_ORACLE(!l, "start", "refused");
	}
	input_free(W.in);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list l = {.file = {.max = 1 << 20}};
	bool taken;

	if (size < 2)
		return 0;
	if (!(data[0] & 1)) {
		taken = replay(data + 1, size - 1, NULL, data[0]);
		if (!taken)
			depth_hit(refused);
		fuzz_case(1, taken);
		return 0;
	}
	decode(&l, data + 2, size - 2);
	encode(&l);
	if (data[0] & 2) {
		l.file.p[(data[1] * 31u + data[0]) % l.file.len] ^= (char)(1u << (data[0] >> 5));
		FUZZ_ORACLE(!replay((uint8_t *)l.file.p, l.file.len, NULL, 0), "flipped",
			    "a recording with a flipped bit is taken");
		depth_hit(refused_by_sums);
	} else {
		taken = replay((uint8_t *)l.file.p, l.file.len, good(&l) ? &l : NULL, data[1]);
		FUZZ_ORACLE(taken == good(&l), "rules", "%s", taken ? "taken" : "refused");
		if (!taken)
			depth_hit(refused_by_rules);
		fuzz_case(l.nr, taken);
	}
	buf_free(&l.file);
	return 0;
}
