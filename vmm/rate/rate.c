/* SPDX-License-Identifier: MIT */
/* The token bucket: whole numbers all the way, so that looking often or seldom makes no difference. */
#include <errno.h>
#include <inttypes.h>

#include <vmm/rate.h>

#define NS_PER_S    1000000000ull
#define DEFAULT_DIV 10u /* of a second: the size where none is given */

/* Any product of two numbers here fits: 64 bits of time and 62 of tokens. */
typedef unsigned __int128 u128;

static uint64_t cut(uint64_t v)
{
	return v < RATE_MAX ? v : RATE_MAX;
}

static void init(struct rate *r, uint64_t size, uint64_t per, uint64_t period, uint64_t once)
{
	*r = (struct rate){.size = cut(size),
			   .per = cut(per),
			   .period = period ? cut(period) : 1,
			   .once = size ? cut(once) : 0};
	rate_reset(r, 0);
}

void rate_init(struct rate *r, uint64_t size, uint64_t refill_ns, uint64_t once)
{
	init(r, size, size, refill_ns, once);
}

void rate_init_per_s(struct rate *r, uint64_t per_s, uint64_t size, uint64_t once)
{
	if (!size)
		size = per_s / DEFAULT_DIV ? per_s / DEFAULT_DIV : 1;
	init(r, per_s ? size : 0, per_s, NS_PER_S, once);
}

void rate_reset(struct rate *r, uint64_t now)
{
	r->tokens = r->size;
	r->burst = r->once;
	r->part = 0;
	r->debt = 0;
	r->last = now;
}

static void refill(struct rate *r, uint64_t now)
{
	u128 sum, new;

	if (now <= r->last)
		return;
	sum = (u128)(now - r->last) * r->per + r->part;
	r->last = now;
	new = sum / r->period;
	r->part = (uint64_t)(sum % r->period);
	if (new < r->debt) {
		r->debt -= (uint64_t) new;
		return;
	}
	new -= r->debt;
	r->debt = 0;
	if (new < r->size - r->tokens) {
		r->tokens += (uint64_t) new;
		return;
	}
	/* A full bucket keeps no part: what would come next flows over. */
	r->tokens = r->size;
	r->part = 0;
}

bool rate_take(struct rate *r, uint64_t now, uint64_t n)
{
	uint64_t from;

	if (!r->size || !n)
		return true;
	refill(r, now);
	if (r->debt)
		return false;
	from = n < r->burst ? n : r->burst;
	if (n - from > r->tokens && r->tokens < r->size)
		return false;
	r->burst -= from;
	n -= from;
	from = n < r->tokens ? n : r->tokens;
	r->tokens -= from;
	r->debt = n - from;
	return true;
}

void rate_charge(struct rate *r, uint64_t now, uint64_t n)
{
	uint64_t from;

	if (!r->size)
		return;
	refill(r, now);
	from = n < r->burst ? n : r->burst;
	r->burst -= from;
	n -= from;
	from = n < r->tokens ? n : r->tokens;
	r->tokens -= from;
	n -= from;
	if (add_wraps(r->debt, n, &r->debt))
		r->debt = UINT64_MAX;
}

uint64_t rate_when(const struct rate *r, uint64_t now, uint64_t n)
{
	struct rate at = *r;
	u128 need, ns;

	if (!r->size || !n)
		return now;
	refill(&at, now);
	n -= n < at.burst ? n : at.burst;
	n = n < at.size ? n : at.size;
	if (!at.debt && n <= at.tokens)
		return now;
	/* With a debt there are no tokens; without one, n is more than those there. */
	need = ((u128)at.debt + (n - at.tokens)) * at.period - at.part;
	/* (at.last) may lie ahead of (now) after a load; it is what time counts from. */
	ns = (need + at.per - 1) / at.per + (at.last > now ? at.last : now);
	return ns < CLOCK_NEVER ? (uint64_t)ns : CLOCK_NEVER;
}

int rate_post_load(const struct rate *r, struct err *err)
{
	if (r->tokens > r->size || r->burst > r->once || r->part >= r->period ||
	    (r->debt && r->tokens) || (r->tokens == r->size && r->part) || (!r->size && r->debt))
		return err_set(err, -EINVAL,
			       "rate: saved %" PRIu64 " tokens of %" PRIu64 ", part %" PRIu64
			       ", debt %" PRIu64 ": no bucket comes to that",
			       r->tokens, r->size, r->part, r->debt);
	return 0;
}

static const struct state_field fields[] = {
	STATE_U(struct rate, tokens, 0), STATE_U(struct rate, burst, 0),
	STATE_U(struct rate, part, 0),	 STATE_U(struct rate, debt, 0),
	STATE_U(struct rate, last, 0),	 STATE_END,
};

const struct state_table rate_state = {"rate", 1, fields};

/* ---- operations and bytes ------------------------------------------------------------------------ */

void rate_pair_reset(struct rate_pair *r, uint64_t now)
{
	rate_reset(&r->ops, now);
	rate_reset(&r->bytes, now);
}

uint64_t rate_pair_when(const struct rate_pair *r, uint64_t now, uint64_t bytes)
{
	uint64_t a = rate_when(&r->ops, now, 1), b = rate_when(&r->bytes, now, bytes);

	return a > b ? a : b;
}

bool rate_pair_take(struct rate_pair *r, uint64_t now, uint64_t bytes)
{
	if (rate_pair_when(r, now, bytes) > now)
		return false;
	(void)rate_take(&r->ops, now, 1);
	(void)rate_take(&r->bytes, now, bytes);
	return true;
}

void rate_pair_charge(struct rate_pair *r, uint64_t now, uint64_t bytes)
{
	rate_charge(&r->ops, now, 1);
	rate_charge(&r->bytes, now, bytes);
}

int rate_pair_post_load(const struct rate_pair *r, struct err *err)
{
	int rc = rate_post_load(&r->ops, err);

	return rc ? rc : rate_post_load(&r->bytes, err);
}
