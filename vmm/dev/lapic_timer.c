/* SPDX-License-Identifier: MIT */
/*
 * lapic: the timer, SDM volume 3A 10.5.4: one-shot, periodic and TSC deadline. It counts virtual ns;
 * IA32_TSC_DEADLINE is in the machine's time: the CPU has taken the TSC's offset out.
 */
#include "lapic_priv.h"

static uint64_t divisor(const struct lapic *a)
{
	uint32_t code = (a->divide & 3) | (a->divide >> 1 & 4);

	return 1ull << ((code + 1) & 7);
}

/* When the count is 0 the next time, after (now). */
static uint64_t next_zero(const struct lapic *a, uint64_t now)
{
	uint64_t period = a->initial * divisor(a);

	return a->start + (now - a->start) / period * period + period;
}

void lapic_timer_arm(struct lapic *a)
{
	struct clock *c = a->dev.env.clock;
	uint32_t mode = a->lvt[LVT_TIMER] & TIMER_MODE;
	uint64_t at = CLOCK_NEVER;

	if (mode == TIMER_DEADLINE)
		at = a->deadline ? a->deadline : CLOCK_NEVER;
	else if (a->initial && !a->spent)
		at = next_zero(a, clock_now(c));
	clock_arm(c, &a->timer, at);
}

void lapic_timer_fired(void *ctx, uint64_t now)
{
	struct lapic *a = ctx;
	uint32_t mode = a->lvt[LVT_TIMER] & TIMER_MODE;

	if (mode == TIMER_DEADLINE)
		a->deadline = 0;
	else if (mode != TIMER_PERIODIC)
		a->spent = true;
	lapic_local(a, LVT_TIMER);
	if (mode == TIMER_PERIODIC) {
		a->start = now;
		lapic_timer_arm(a);
	}
	lapic_update(a);
}

uint32_t lapic_timer_count(const struct lapic *a)
{
	uint64_t gone;

	if (!a->initial || a->spent || (a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_DEADLINE)
		return 0;
	gone = (clock_now(a->dev.env.clock) - a->start) / divisor(a);
	if ((a->lvt[LVT_TIMER] & TIMER_MODE) == TIMER_PERIODIC)
		gone %= a->initial;
	return gone >= a->initial ? 0 : a->initial - (uint32_t)gone;
}

void lapic_timer_mode(struct lapic *a, uint32_t val)
{
	uint32_t was = a->lvt[LVT_TIMER] & TIMER_MODE;

	a->lvt[LVT_TIMER] = val;
	if (was == (val & TIMER_MODE))
		return;
	/* To and from the deadline mode disarms. */
	if (was == TIMER_DEADLINE || (val & TIMER_MODE) == TIMER_DEADLINE) {
		a->initial = 0;
		a->deadline = 0;
	}
	lapic_timer_arm(a);
}

/* The count goes on from where it is, at another pace; its start may be before time 0 then: it wraps. */
void lapic_timer_divide(struct lapic *a, uint32_t val)
{
	uint32_t left = lapic_timer_count(a);

	a->divide = val & DIVIDE_ALL;
	a->start = clock_now(a->dev.env.clock) - (a->initial - left) * divisor(a);
	lapic_timer_arm(a);
}
