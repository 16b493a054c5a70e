/* SPDX-License-Identifier: MIT */
/* Virtual time: a list of timers by deadline. A machine has a handful, so a list is the fastest. */
#include <errno.h>

#include <vmm/clock.h>

void clock_init(struct clock *c)
{
	*c = (struct clock){0};
}

void clock_timer_init(struct clock_timer *t, void (*fn)(void *ctx, uint64_t now), void *ctx)
{
	*t = (struct clock_timer){.deadline = CLOCK_NEVER, .fn = fn, .ctx = ctx};
}

void clock_cancel(struct clock *c, struct clock_timer *t)
{
	/* Not by its deadline: the owner may have loaded or reset that meanwhile. */
	for (struct clock_timer **at = &c->head; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	t->next = NULL;
	t->deadline = CLOCK_NEVER;
}

void clock_arm(struct clock *c, struct clock_timer *t, uint64_t deadline)
{
	struct clock_timer **at = &c->head;

	clock_cancel(c, t);
	if (deadline == CLOCK_NEVER)
		return;
	/* Behind those of the same deadline: ties go in order of arming. */
	while (*at && (*at)->deadline <= deadline)
		at = &(*at)->next;
	t->deadline = deadline;
	t->next = *at;
	*at = t;
}

int clock_advance(struct clock *c, uint64_t ns)
{
	uint64_t target;
	unsigned fired = 0; /* at this instant */

	if (add_wraps(c->now, ns, &target))
		target = CLOCK_NEVER;
	while (c->head && c->head->deadline <= target) {
		struct clock_timer *t = c->head;

		if (t->deadline > c->now) {
			c->now = t->deadline;
			fired = 0;
		}
		if (fired++ == CLOCK_FIRE_MAX)
			return -ELOOP;
		clock_cancel(c, t);
		t->fn(t->ctx, c->now);
	}
	c->now = target;
	return 0;
}

static const struct state_field clock_fields[] = {
	STATE_U(struct clock, now, 0),
	STATE_END,
};

const struct state_table clock_state = {"clock", 1, clock_fields};
