/* SPDX-License-Identifier: MIT */
/* What the tests of virtio-balloon share: a driver of its queues, pages with a pattern. */
#ifndef VMM_DEV_TEST_BALLOON_H
#define VMM_DEV_TEST_BALLOON_H

#include "test_virtio.h"

#include <vmm/virtio_host.h>

#define NUM   16u
#define LIST  0x40000u
#define PAGES 0x80000u /* what is given away in these tests: 128 pages of 0x5a */
#define PFN   (PAGES >> 12)
#define FULL  0x5a

enum { INFLATE, DEFLATE, STATS, HINT, REPORT, QS };
enum { F_STATS = 2, F_OOM = 4, F_HINT = 8, F_POISON = 16, F_REPORT = 32, F_BALLOON = 0x3e };
enum { NUM_PAGES = 0, ACTUAL = 4, CMD = 8, POISON = 12 };

struct world {
	struct machine *m;
	struct dev *d;
	struct virtq_driver q[QS];
};

static inline uint32_t config(struct world *w, unsigned off)
{
	return (uint32_t)mmio_r(w->m, BASE + VIRTIO_MMIO_CONFIG + off, 4);
}

static inline void set_config(struct world *w, unsigned off, uint32_t val)
{
	mmio_w(w->m, BASE + VIRTIO_MMIO_CONFIG + off, 4, val);
}

static inline bool saw_guest_error(struct world *w)
{
	const struct trace_event *ev;
	bool seen = false;

	for (unsigned i = 0; (ev = trace_last(w->m->env.trace, i)); i++)
		seen |= ev->kind == TRACE_DEV;
	trace_clear(w->m->env.trace);
	return seen;
}

static inline void drive(struct world *w, uint64_t features)
{
	accept_features(w->m, 1ull << VIRTIO_F_VERSION_1 | features);
	assert_int_equal(rd(w->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	for (unsigned i = 0; i < QS; i++)
		queue_n_up(w->m, i, &w->q[i], NUM);
	wr(w->m, STATUS, UP);
	trace_clear(w->m->env.trace);
}

static inline void begin(struct world *w, struct machine *m, const char *spec, uint64_t features)
{
	*w = (struct world){.m = m};
	w->d = machine_add(m, spec);
	drive(w, features);
	assert_int_equal(gmem_set(m->env.mem, PAGES, FULL, TEST_RAM - PAGES), 0);
}

static inline void end(struct world *w)
{
	dev_free(w->d);
}

/* The page at PAGES + n * 4096 is all (byte)s. */
static inline bool page_is(struct world *w, unsigned n, uint8_t byte)
{
	const uint8_t *p = gmem_ro(w->m->env.mem, PAGES + n * 4096ull, 4096);

	assert_non_null(p);
	for (unsigned i = 0; i < 4096; i++)
		if (p[i] != byte)
			return false;
	return true;
}

static inline void put_buf(struct world *w, unsigned queue, const struct virtq_buf *b, unsigned n)
{
	int head = virtq_driver_chain(&w->q[queue], b, n);

	assert_true(head >= 0);
	virtq_driver_offer(&w->q[queue], (uint16_t)head);
	virtq_driver_publish(&w->q[queue]);
	wr(w->m, QUEUE_NOTIFY, queue);
}

static inline bool back(struct world *w, unsigned queue)
{
	uint32_t id, len;

	if (!virtq_driver_used(&w->q[queue], &id, &len))
		return false;
	assert_int_equal(len, 0);
	return true;
}

static inline void pages(struct world *w, unsigned queue, const uint32_t *pfn, unsigned n)
{
	struct virtq_buf b = {LIST, n * 4, false};

	for (unsigned i = 0; i < n; i++) {
		uint8_t le[4];

		st_le32(le, pfn[i]);
		assert_int_equal(gmem_write(w->m->env.mem, LIST + i * 4ull, le, 4), 0);
	}
	put_buf(w, queue, &b, 1);
	assert_true(back(w, queue));
}

static inline const struct virtq_stats *counted(struct world *w, unsigned queue)
{
	return &container_of(w->d, struct virtio, dev)->q[queue].stats;
}

static inline void stats(struct world *w, unsigned n, uint64_t first)
{
	struct virtq_buf b = {LIST, n * 10, false};
	uint8_t s[10];

	for (unsigned i = 0; i < n; i++) {
		st_le16(s, (uint16_t)i);
		st_le64(s + 2, first + i);
		assert_int_equal(gmem_write(w->m->env.mem, LIST + i * 10ull, s, 10), 0);
	}
	put_buf(w, STATS, &b, 1);
}

#endif
