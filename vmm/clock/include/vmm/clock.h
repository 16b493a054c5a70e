/* SPDX-License-Identifier: MIT */
/*
 * clock: virtual time in nanoseconds and the timers on it. Time moves only when clock_advance()
 * is called; host time is unknown here.
 *
 * Guarantees: timers fire in order of deadline, ties in order of arming; a handler sees
 * clock_now() == its deadline, or the present if it was armed for the past; it may arm and cancel
 * any timer, its own too, which is no longer armed when it is called.
 * The caller promises: a timer's memory outlives its being armed; it went through
 * clock_timer_init(); one thread a clock; no handler advances the clock. Nothing is to be freed.
 */
#ifndef VMM_CLOCK_H
#define VMM_CLOCK_H

#include <vmm/base.h>
#include <vmm/state.h>

#define CLOCK_NEVER UINT64_MAX

struct clock_timer {
	uint64_t deadline; /* virtual ns; CLOCK_NEVER: not armed */
	void (*fn)(void *ctx, uint64_t now);
	void *ctx;
	struct clock_timer *next; /* private to clock */
};

struct clock {
	uint64_t now; /* read it through clock_now() or by pointer for a trace */
	struct clock_timer *head;
};

void clock_init(struct clock *c);

static inline uint64_t clock_now(const struct clock *c)
{
	return c->now;
}

void clock_timer_init(struct clock_timer *t, void (*fn)(void *ctx, uint64_t now), void *ctx);

/* Arm or re-arm for (deadline); one in the past fires at the next advance. CLOCK_NEVER cancels. */
void clock_arm(struct clock *c, struct clock_timer *t, uint64_t deadline);
void clock_cancel(struct clock *c, struct clock_timer *t);

/* The earliest deadline (it may lie in the past), CLOCK_NEVER if nothing is armed. */
static inline uint64_t clock_next(const struct clock *c)
{
	return c->head ? c->head->deadline : CLOCK_NEVER;
}

/* The same without (t), which may be armed or not. */
static inline uint64_t clock_next_but(const struct clock *c, const struct clock_timer *t)
{
	const struct clock_timer *first = c->head;

	if (first == t && first)
		first = first->next;
	return first ? first->deadline : CLOCK_NEVER;
}

/*
 * Move to now + ns (saturating), firing what falls due on the way. A handler that re-arms for the
 * same instant for ever is cut off after CLOCK_FIRE_MAX calls at one instant: returns -ELOOP with
 * the time at that instant, the timers stay armed; else 0.
 */
#define CLOCK_FIRE_MAX 10000
int clock_advance(struct clock *c, uint64_t ns);

/*
 * now only; timers are saved by their owners as deadlines and re-armed in post_load. A field table
 * should name a copy of the deadline: one that is loaded into an armed timer unsorts the list until
 * that timer is armed or cancelled again.
 */
extern const struct state_table clock_state;

#endif
