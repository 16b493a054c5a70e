/* SPDX-License-Identifier: MIT */
/*
 * rate: a token bucket on virtual time: it holds (size) tokens and is refilled evenly with (per) of them
 * each (period) ns; a burst on top is given once.
 *
 * Guarantees: exact: after any sequence of calls the tokens are what arithmetic without rounding would
 * give, however often one looks and however many years pass; nothing wraps. State is a field table, so
 * a bucket is saved, restored and compared as any device is.
 * The caller promises: what is left after a load was judged by rate_post_load(). A time that lies before
 * the last one refills nothing. Nothing is to be freed.
 */
#ifndef VMM_RATE_H
#define VMM_RATE_H

#include <vmm/base.h>
#include <vmm/clock.h>
#include <vmm/state.h>

#define RATE_MAX ((uint64_t)1 << 62) /* of size, per, period and burst: more is cut to it */

struct rate {
	/* configuration */
	uint64_t size;	      /* 0: no limit */
	uint64_t per, period; /* so many tokens in so many ns */
	uint64_t once;	      /* the burst that is given once */
	/* state */
	uint64_t tokens; /* of size */
	uint64_t burst;	 /* left of once: used before the tokens */
	uint64_t part;	 /* of the next token, in 1 / period */
	uint64_t debt;	 /* that a request over the size is still to pay, before there are tokens */
	uint64_t last;	 /* when it was refilled last */
};

/* (size) tokens, refilled from empty to full in (refill_ns). A size of 0: no limit. */
void rate_init(struct rate *r, uint64_t size, uint64_t refill_ns, uint64_t once);
/* (per_s) tokens a second; 0: no limit. A (size) of 0 is a tenth of a second's, at least 1. */
void rate_init_per_s(struct rate *r, uint64_t per_s, uint64_t size, uint64_t once);
/* Full, at (now). */
void rate_reset(struct rate *r, uint64_t now);
static inline bool rate_limits(const struct rate *r)
{
	return r->size != 0;
}

/*
 * Take (n) tokens, all or none; true: taken. More than the bucket holds is taken when it is full, and
 * paid for afterwards: what comes next waits until the debt is refilled too.
 */
bool rate_take(struct rate *r, uint64_t now, uint64_t n);
/*
 * The first time at which rate_take(n) succeeds if nobody else takes: (now) if it does now, CLOCK_NEVER
 * if that lies beyond the end of time.
 */
uint64_t rate_when(const struct rate *r, uint64_t now, uint64_t n);
/*
 * For what is not known before it is done: it may begin when there is a token (rate_when(r, now, 1)), and
 * is charged afterwards, (n) whatever there is: what is missing is a debt.
 */
void rate_charge(struct rate *r, uint64_t now, uint64_t n);

/* Is a loaded state a possible one? For post_load: 0 or -EINVAL. */
int rate_post_load(const struct rate *r, struct err *err);

/* What changes, not the configuration. */
extern const struct state_table rate_state;

/*
 * The two limits of one direction of a device: operations and bytes. A request goes when both have
 * tokens for it, and then takes from both.
 */
struct rate_pair {
	struct rate ops, bytes;
};
void rate_pair_reset(struct rate_pair *r, uint64_t now);
bool rate_pair_take(struct rate_pair *r, uint64_t now, uint64_t bytes);
uint64_t rate_pair_when(const struct rate_pair *r, uint64_t now, uint64_t bytes);
void rate_pair_charge(struct rate_pair *r, uint64_t now, uint64_t bytes);
static inline bool rate_pair_limits(const struct rate_pair *r)
{
	return rate_limits(&r->ops) || rate_limits(&r->bytes);
}
int rate_pair_post_load(const struct rate_pair *r, struct err *err);

/*
 * For the state table of (type), which has a pair as (member).
 * NOLINTBEGIN(bugprone-macro-parentheses): designators are no expressions
 */
#define RATE_STATE(type, member, which)                                                            \
	STATE_U(type, member.which.tokens, 0), STATE_U(type, member.which.burst, 0),               \
		STATE_U(type, member.which.part, 0), STATE_U(type, member.which.debt, 0),          \
		STATE_U(type, member.which.last, 0)
#define RATE_PAIR_STATE(type, member) RATE_STATE(type, member, ops), RATE_STATE(type, member, bytes)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
