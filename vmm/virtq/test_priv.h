/* SPDX-License-Identifier: MIT */
/* test_priv: the machine that all tests of virtq stand on. */
#ifndef VIRTQ_TEST_PRIV_H
#define VIRTQ_TEST_PRIV_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <vmm/virtq_driver.h>

#define MIB (1ull << 20)

/* RAM [0, 2 MiB) in two adjacent regions, a hole, RAM [4, 5 MiB), ROM at 8 MiB. */
#define RAM_A	0
#define RAM_B	MIB
#define RAM_END (2 * MIB)
#define RAM_C	(4 * MIB)
#define C_END	(5 * MIB)
#define ROM_AT	(8 * MIB)

#define RINGS 0x1000ull	 /* where the rings are */
#define DATA  0x80000ull /* buffers */
#define TABLE 0xc0000ull /* indirect tables */

struct rig {
	struct gmem *mem;
	struct trace *trace;
	struct virtq q;
	struct virtq_driver d;
	struct virtq_chain c; /* the last popped() */
};

static inline void rig_start(struct rig *r, uint32_t num, bool event_idx)
{
	struct err err;

	assert_int_equal(virtq_driver_init(&r->d, r->mem, num, RINGS, event_idx), 0);
	virtq_reset(&r->q);
	virtq_driver_attach(&r->d, &r->q);
	r->q.indirect = true;
	assert_int_equal(virtq_enable(&r->q, &err), 0);
	virtq_kick_begin(&r->q);
}

static inline void rig_new(struct rig *r, uint32_t num, bool event_idx)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(gmem_new(&r->mem, NULL), 0);
	assert_int_equal(gmem_add(r->mem, RAM_A, MIB, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(r->mem, RAM_B, MIB, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(r->mem, RAM_C, MIB, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(r->mem, ROM_AT, 0x10000, GMEM_ROM, NULL), 0);
	r->trace = trace_new(256);
	assert_non_null(r->trace);
	assert_int_equal(virtq_init(&r->q, r->mem, r->trace, 3, VIRTQ_NUM_MAX, NULL), 0);
	rig_start(r, num, event_idx);
}

static inline void rig_free(struct rig *r)
{
	virtq_fini(&r->q);
	trace_free(r->trace);
	gmem_free(r->mem);
}

/* Offer one head and ring. */
static inline void give(struct rig *r, int head)
{
	assert_true(head >= 0);
	virtq_driver_offer(&r->d, (uint16_t)head);
	virtq_driver_publish(&r->d);
	virtq_kick_begin(&r->q);
}

static inline int pop(struct rig *r)
{
	return virtq_next(&r->q, &r->c);
}

/* One buffer offered, popped and pushed: a turn of both rings. */
static inline void turn(struct rig *r)
{
	give(r, virtq_driver_chain(&r->d, &(struct virtq_buf){DATA, 8, true}, 1));
	assert_int_equal(pop(r), 1);
	assert_int_equal(virtq_push(&r->q, &r->c), 0);
}

/* Make and pop a chain of (n) raw descriptors at 0 and up; returns its error. */
struct raw {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static inline enum virtq_error walk_raw(struct rig *r, const struct raw *raw, unsigned n)
{
	uint32_t id, len;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(virtq_driver_desc(&r->d, (uint16_t)i, raw[i].addr, raw[i].len,
						   raw[i].flags, raw[i].next),
				 0);
	give(r, 0);
	assert_int_equal(pop(r), 1);
	assert_int_equal(r->c.head, 0);
	if (r->c.error) {
		assert_int_equal(r->c.nr_out + r->c.nr_in, 0);
		assert_true(r->c.out_bytes == 0 && r->c.in_bytes == 0);
		assert_int_equal(virtq_write(&r->q, &r->c, 0, "x", 1), 0);
	}
	/* A refused chain comes back with nothing stored, and the queue goes on. */
	assert_int_equal(virtq_push(&r->q, &r->c), 0);
	assert_true(virtq_driver_used(&r->d, &id, &len));
	assert_int_equal(id, 0);
	assert_int_equal(len, 0);
	assert_int_equal(r->q.broken, VIRTQ_OK);
	assert_int_equal(r->q.in_flight, 0);
	return r->c.error;
}
#define WALK(r, ...)                                                                               \
	walk_raw(r, (const struct raw[]){__VA_ARGS__},                                             \
		 sizeof((const struct raw[]){__VA_ARGS__}) / sizeof(struct raw))

#endif
