/* SPDX-License-Identifier: MIT */
/* Limits of virtio models: tokens, and a timer for what waits for them. */
#include <errno.h>

#include "virtio_limit.h"

#define STOPPED_NS                                                                                 \
	1000000u /* while the transport keeps the device from RAM it looks again after this */

static void tokens_came(void *ctx, uint64_t now)
{
	struct virtio_limit *l = ctx;

	if (l->v->stopped)
		clock_arm(l->v->dev.env.clock, &l->timer, now + STOPPED_NS);
	else
		l->go(l->v);
}

int virtio_limit_init(struct virtio_limit *l, struct virtio *v, void (*go)(struct virtio *v),
		      struct err *err)
{
	l->v = v;
	l->go = go;
	clock_timer_init(&l->timer, tokens_came, l);
	if (!l->bps && !l->ops)
		return 0;
	if (!v->dev.env.clock)
		return err_set(err, -EINVAL, "device %s: a limit needs a clock", v->dev.cls->name);
	rate_init_per_s(&l->rate.bytes, l->bps, 0, l->burst);
	rate_init_per_s(&l->rate.ops, l->ops, 0, l->burst_ops);
	return 0;
}

bool virtio_limit_may(struct virtio_limit *l)
{
	struct clock *clock = l->v->dev.env.clock;
	uint64_t when;

	if (!virtio_limit_is_on(l))
		return true;
	when = rate_pair_when(&l->rate, clock_now(clock), 1);
	if (when <= clock_now(clock))
		return true;
	if (l->timer.deadline > when)
		clock_arm(clock, &l->timer, when);
	return false;
}

void virtio_limit_charge(struct virtio_limit *l, uint64_t bytes)
{
	if (virtio_limit_is_on(l))
		rate_pair_charge(&l->rate, clock_now(l->v->dev.env.clock), bytes);
}

void virtio_limit_reset(struct virtio_limit *l)
{
	if (!virtio_limit_is_on(l))
		return;
	rate_pair_reset(&l->rate, 0);
	clock_cancel(l->v->dev.env.clock, &l->timer);
}

int virtio_limit_post_load(struct virtio_limit *l, struct err *err)
{
	int rc;

	if (!virtio_limit_is_on(l))
		return 0;
	rc = rate_pair_post_load(&l->rate, err);
	if (!rc)
		clock_arm(l->v->dev.env.clock, &l->timer, l->timer.deadline);
	return rc;
}

void virtio_limit_fini(struct virtio_limit *l)
{
	if (virtio_limit_is_on(l))
		clock_cancel(l->v->dev.env.clock, &l->timer);
}

void virtio_limit_ring(struct virtio *v, unsigned queue)
{
	if ((v->status & VIRTIO_S_DRIVER_OK) && !(v->status & VIRTIO_S_NEEDS_RESET) &&
	    v->q[queue].ready)
		virtio_notify(v, queue);
}

static const struct state_field fields[] = {
	RATE_PAIR_STATE(struct virtio_limit, rate),
	STATE_U(struct virtio_limit, timer.deadline, CLOCK_NEVER),
	STATE_END,
};
const struct state_table virtio_limit_state = {"limit", 1, fields};

bool virtio_limit_part(const struct virtio_limit *const *l, unsigned nr, unsigned *i,
		       const void **obj)
{
	for (unsigned k = 0; k < nr; k++) {
		*obj = l[k];
		if (virtio_limit_is_on(l[k]) && !(*i)--)
			return true;
	}
	return false;
}
