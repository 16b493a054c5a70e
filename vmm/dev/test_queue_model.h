/* SPDX-License-Identifier: MIT */
/*
 * test_queue_model: a slow model of one virtqueue between a driver and a device (virtio 1.2 sections
 * 2.6 to 2.8), which reads the rings by code of its own. It knows which chains are on offer and what
 * all of RAM was before the device had a turn; after it qm_look() says whether
 * - each chain that came back was on offer, came back once, and in order where that was agreed on;
 * - used.len is no more than there is to write, and 0 for a malformed chain;
 * - every byte that changed lies in the writable part of a chain that the device had, or is a word of
 *   the ring that a device writes: of the entries, those of the chains that came back, no others;
 * - the interrupt was raised where the driver asked for it.
 * The driver writes as it likes and then calls qm_driver_wrote(). Nothing in here is fast.
 */
#ifndef VMM_DEV_TEST_QUEUE_MODEL_H
#define VMM_DEV_TEST_QUEUE_MODEL_H

#include "test_virtio.h"

#define QM_CHAINS 64
#define QM_SEGS	  8

struct qm_seg {
	uint64_t gpa;
	uint32_t len;
	bool write;
};

struct qm_chain {
	uint16_t id;
	unsigned slots; /* entries of a packed ring */
	unsigned nr;
	struct qm_seg seg[QM_SEGS];
	bool malformed;
	unsigned tag; /* the test's */
};

struct qm {
	struct machine *m;
	const char *what; /* for messages */
	unsigned step;
	bool packed, in_order;
	bool wants_interrupt; /* for the next chain that comes back */
	uint32_t num;
	uint64_t desc, avail, used;
	/* on offer, the oldest first */
	struct qm_chain chain[QM_CHAINS];
	unsigned nr;
	/* where the driver looks next */
	uint32_t used_at;
	bool used_wrap;
	uint8_t *before; /* TEST_RAM bytes */
	/* ring entries that the device wrote in this turn */
	uint32_t wrote[QM_CHAINS];
	unsigned nr_wrote;
	/* what a test does with one that came back */
	void (*back)(struct qm *q, const struct qm_chain *c, uint32_t len);
	unsigned total;
};

#define QM_CHECK(q, cond, ...)                                                                     \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			print_error("%s, step %u: ", (q)->what, (q)->step);                        \
			print_error(__VA_ARGS__);                                                  \
			print_error("\n");                                                         \
			fail();                                                                    \
		}                                                                                  \
	} while (0)

static inline const uint8_t *qm_ram(const struct qm *q)
{
	const uint8_t *p = gmem_ro(q->m->env.mem, 0, TEST_RAM);

	assert_non_null(p);
	return p;
}

static inline uint32_t qm_number(const struct qm *q, uint64_t gpa, unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = size; i-- > 0;)
		v = v << 8 | qm_ram(q)[gpa + i];
	return v;
}

/* What changed up to now was the driver's doing. */
static inline void qm_driver_wrote(struct qm *q)
{
	const uint8_t *now = qm_ram(q);

	for (uint64_t page = 0; page < TEST_RAM; page += 4096)
		if (memcmp(now + page, q->before + page, 4096) != 0)
			memcpy(q->before + page, now + page, 4096);
}

/* A queue that was just made ready at these places. */
static inline void qm_start(struct qm *q, bool packed, bool in_order, uint32_t num, uint64_t desc,
			    uint64_t avail, uint64_t used)
{
	q->packed = packed;
	q->in_order = in_order;
	q->num = num;
	q->desc = desc;
	q->avail = avail;
	q->used = used;
	q->nr = 0;
	q->used_at = 0;
	q->used_wrap = true;
	qm_driver_wrote(q);
}

static inline struct qm_chain *qm_offer(struct qm *q, const struct qm_chain *c)
{
	assert_true(q->nr < QM_CHAINS);
	q->chain[q->nr] = *c;
	return &q->chain[q->nr++];
}

static inline uint64_t qm_room(const struct qm_chain *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < c->nr; i++)
		n += c->seg[i].write ? c->seg[i].len : 0;
	return c->malformed ? 0 : n;
}

/* May the device have changed this byte of RAM in this turn? */
static inline bool qm_may_write(const struct qm *q, uint64_t gpa)
{
	for (unsigned i = 0; i < q->nr; i++) {
		const struct qm_chain *c = &q->chain[i];

		for (unsigned k = 0; k < c->nr && !c->malformed; k++)
			if (c->seg[k].write && gpa >= c->seg[k].gpa &&
			    gpa < c->seg[k].gpa + c->seg[k].len)
				return true;
	}
	if (q->packed) {
		if (gpa >= q->used && gpa < q->used + 4)
			return true;
		for (unsigned i = 0; i < q->nr_wrote; i++)
			if (gpa >= q->desc + 16 * q->wrote[i] + 8 &&
			    gpa < q->desc + 16 * q->wrote[i] + 16)
				return true;
		return false;
	}
	/* flags, idx; avail_event; entries */
	if (gpa >= q->used && gpa < q->used + 4)
		return true;
	if (gpa >= q->used + 4 + 8 * q->num && gpa < q->used + 6 + 8 * q->num)
		return true;
	for (unsigned i = 0; i < q->nr_wrote; i++)
		if (gpa >= q->used + 4 + 8 * q->wrote[i] && gpa < q->used + 12 + 8 * q->wrote[i])
			return true;
	return false;
}

struct qm_used {
	uint32_t id, len;
	unsigned nr; /* chains that it stands for, from the oldest on if that is more than one */
	unsigned at; /* of the chain with (id) in q->chain */
};

/* The chain that (id) names, and how many it stands for. */
static inline void qm_resolve(struct qm *q, struct qm_used *u, const bool *taken)
{
	unsigned skipped = 0;

	u->at = QM_CHAINS;
	for (unsigned i = 0; i < q->nr && u->at == QM_CHAINS; i++) {
		if (taken[i])
			continue;
		if (q->chain[i].id == u->id)
			u->at = i;
		else
			skipped++;
	}
	QM_CHECK(q, u->at < QM_CHAINS, "a chain %u came back that was not on offer", u->id);
	u->nr = q->in_order ? skipped + 1 : 1;
}

/* One entry that the device wrote: true and *u. Moves on. */
static inline bool qm_next_used(struct qm *q, struct qm_used *u, const bool *taken)
{
	uint32_t at, slots = 0;

	if (!q->packed) {
		uint32_t ahead = (qm_number(q, q->used + 2, 2) - q->used_at) & 0xffff;

		if (!ahead)
			return false;
		at = q->used_at % q->num;
		u->id = qm_number(q, q->used + 4 + 8 * at, 4);
		u->len = qm_number(q, q->used + 8 + 8 * at, 4);
		qm_resolve(q, u, taken);
		QM_CHECK(q, u->nr <= ahead, "used.idx is %u ahead, chain %u is the %uth", ahead,
			 u->id, u->nr);
		q->used_at = (q->used_at + u->nr) & 0xffff;
		q->wrote[q->nr_wrote++] = at;
		return true;
	}
	at = q->used_at;
	if ((qm_number(q, q->desc + 16 * at + 14, 2) & 0x8080) != (q->used_wrap ? 0x8080u : 0))
		return false;
	u->id = qm_number(q, q->desc + 16 * at + 12, 2);
	u->len = (qm_number(q, q->desc + 16 * at + 14, 2) & 2)
			 ? qm_number(q, q->desc + 16 * at + 8, 4)
			 : 0;
	qm_resolve(q, u, taken);
	for (unsigned i = q->in_order ? 0 : u->at; i <= u->at; i++)
		slots += taken[i] ? 0 : q->chain[i].slots;
	q->wrote[q->nr_wrote++] = at;
	q->used_at += slots;
	if (q->used_at >= q->num) {
		q->used_at -= q->num;
		q->used_wrap = !q->used_wrap;
	}
	return true;
}

/* What changed is judged and then taken for granted. */
static inline void qm_compare(struct qm *q)
{
	const uint8_t *now = qm_ram(q);

	for (uint64_t page = 0; page < TEST_RAM; page += 4096) {
		if (!memcmp(now + page, q->before + page, 4096))
			continue;
		for (uint64_t i = page; i < page + 4096; i++)
			QM_CHECK(q, now[i] == q->before[i] || qm_may_write(q, i),
				 "byte %#llx was changed from %#x to %#x", (unsigned long long)i,
				 q->before[i], now[i]);
		memcpy(q->before + page, now + page, 4096);
	}
}

/* The device had a turn: judge it. Returns how many chains came back. */
static inline unsigned qm_look(struct qm *q)
{
	bool taken[QM_CHAINS + 1] = {0};
	uint32_t len[QM_CHAINS] = {0};
	unsigned back = 0, kept = 0;
	struct qm_used u;

	q->nr_wrote = 0;
	q->step++;
	while (q->nr_wrote < QM_CHAINS && qm_next_used(q, &u, taken)) {
		/* The skipped ones are written to their end (2.7.9). */
		for (unsigned i = q->in_order ? 0 : u.at; i <= u.at; i++) {
			uint64_t room = qm_room(&q->chain[i]);

			if (taken[i])
				continue;
			QM_CHECK(q, i == u.at || !q->chain[i].malformed,
				 "malformed chain %u was skipped", q->chain[i].id);
			taken[i] = true;
			len[i] = i == u.at ? u.len : (uint32_t)room;
			QM_CHECK(q, len[i] <= room, "used.len %u of %llu", len[i],
				 (unsigned long long)room);
			back++;
		}
	}
	qm_compare(q);
	QM_CHECK(q, !back || !q->wants_interrupt || (q->m->lines & LINE), "no interrupt");
	for (unsigned i = 0; i < q->nr; i++) {
		struct qm_chain c = q->chain[i];

		if (taken[i])
			q->back(q, &c, len[i]);
		else
			q->chain[kept++] = c;
	}
	q->nr = kept;
	q->total += back;
	return back;
}

#endif
