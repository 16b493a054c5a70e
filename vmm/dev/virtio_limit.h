/* SPDX-License-Identifier: MIT */
/*
 * virtio_limit: what a virtio model needs for a limit of operations and bytes a second (module rate):
 * its options, its state, and the timer that lets what waits go on.
 * Guarantees: without a limit nothing is looked at, armed or saved. What waits stays in the queue; it is
 * known when it was done, so it is paid for afterwards. A reset fills the buckets.
 * The caller promises: virtio_limit_init() before the others, options set. Nothing is to be freed;
 * virtio_limit_fini() takes the timer off the clock.
 */
#ifndef VIRTIO_LIMIT_H
#define VIRTIO_LIMIT_H

#include <vmm/rate.h>
#include <vmm/virtio.h>

struct virtio_limit {
	struct virtio *v;
	void (*go)(struct virtio *v);	     /* there are tokens: look at the queues again */
	uint64_t bps, ops, burst, burst_ops; /* options */
	struct rate_pair rate;
	struct clock_timer timer; /* armed while something waits for tokens */
};

/*
 * The options, for (member) of (type): PREFIX is of their names, (what) of their help.
 * NOLINTBEGIN(bugprone-macro-parentheses): strings are put together
 */
#define VIRTIO_LIMIT_OPTS(type, member, prefix, what, ops_name)                                    \
	{prefix "bps",                                                                             \
	 "bytes a second at most" what "; 0: no limit",                                            \
	 offsetof(type, member.bps),                                                               \
	 0,                                                                                        \
	 0,                                                                                        \
	 RATE_MAX},                                                                                \
		{prefix ops_name,                                                                  \
		 "operations a second at most" what "; 0: no limit",                               \
		 offsetof(type, member.ops),                                                       \
		 0,                                                                                \
		 0,                                                                                \
		 RATE_MAX},                                                                        \
		{prefix "burst", "bytes beyond that, once", offsetof(type, member.burst), 0, 0,    \
		 RATE_MAX},                                                                        \
	{                                                                                          \
		prefix "burst_ops", "operations beyond that, once",                                \
			offsetof(type, member.burst_ops), 0, 0, RATE_MAX                           \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

int virtio_limit_init(struct virtio_limit *l, struct virtio *v, void (*go)(struct virtio *v),
		      struct err *err);
/* May another one begin? If not, go() is called when it may. */
bool virtio_limit_may(struct virtio_limit *l);
void virtio_limit_charge(struct virtio_limit *l, uint64_t bytes);
void virtio_limit_reset(struct virtio_limit *l);
int virtio_limit_post_load(struct virtio_limit *l, struct err *err);
void virtio_limit_fini(struct virtio_limit *l);

static inline bool virtio_limit_is_on(const struct virtio_limit *l)
{
	return rate_pair_limits(&l->rate);
}

/* A part of the device's state where virtio_limit_is_on(). */
extern const struct state_table virtio_limit_state;
/*
 * For dev_class.part: the (*i)-th of those of the (nr) limits that are on; false: there are less, and *i is
 * the number behind them.
 */
bool virtio_limit_part(const struct virtio_limit *const *l, unsigned nr, unsigned *i,
		       const void **obj);

/* For go(): as if the driver had rung for (queue), where it may. */
void virtio_limit_ring(struct virtio *v, unsigned queue);

#endif
