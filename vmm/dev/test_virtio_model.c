/* SPDX-License-Identifier: MIT */
/*
 * Seeded traffic of a driver through each kind of queue (split, packed, in order, late, short, with
 * errors), each turn of the device judged by the model of test_queue_model.h and, what it did, by a
 * model of the device here. A further device is one more struct subject.
 */
#include "test_queue_model.h"

#include <stdlib.h>

#define AREAS	 32
#define AREA	 0x4000u /* a chain's memory */
#define DATA	 0x40000u
#define TABLES	 0x30000u
#define TABLE_	 0x100u
#define PATTERN	 0xee
#define SECTORS	 (TEST_DISK / BLK_SECTOR)
#define NOWHERE	 0x40000000u
#define STEPS	 300
#define F_ORDER	 F_BIT(VIRTIO_F_IN_ORDER)
#define F_PACKED F_BIT(VIRTIO_F_RING_PACKED)

enum { BLK_IN, BLK_OUT, BLK_FLUSH = 4, BLK_ID = 8, BLK_UNKNOWN = 99 };
enum { BLK_OK, BLK_IOERR, BLK_UNSUPP, BLK_ANY };

/* What a request of a block device must come to. */
struct blk_expect {
	uint32_t type, status;
	uint32_t len; /* of data */
	uint8_t data[8 * BLK_SECTOR];
};

struct world;
struct subject {
	const char *name;
	uint64_t features;
	/* A request in the chain's memory at (gpa): its segments, readable ones first. */
	void (*make)(struct world *w, struct qm_chain *c, uint64_t gpa);
	void (*back)(struct qm *q, const struct qm_chain *c, uint32_t len);
	void (*reset)(struct world *w);
};

struct world {
	struct qm q;
	struct machine *m;
	struct dev *d;
	const struct subject *subject;
	struct rng rng;
	struct virtq_driver split;
	struct virtq_pdriver packed;
	bool is_packed, is_in_order, shorts, errors;
	uint64_t features;
	uint32_t num;
	unsigned free; /* descriptors */
	bool desc_used[64];
	unsigned next_desc;
	bool area_used[AREAS];
	struct {
		unsigned nr;
		uint16_t d[QM_SEGS];
	} descs[AREAS]; /* by area, which is a chain's tag */
	struct blk_expect expect[AREAS];
	uint8_t disk[TEST_DISK];
};

static uint32_t pick(struct world *w, uint32_t below)
{
	return (uint32_t)(rng_next(&w->rng) % below);
}

static uint8_t byte_at(const struct world *w, uint64_t gpa)
{
	return qm_ram(&w->q)[gpa];
}

static void fill(struct world *w, uint64_t gpa, uint8_t byte, uint32_t len)
{
	uint8_t *p = gmem_rw(w->m->env.mem, gpa, len ? len : 1);

	assert_non_null(p);
	memset(p, byte, len);
}

static void add(struct qm_chain *c, uint64_t gpa, uint32_t len, bool write)
{
	assert_true(c->nr < QM_SEGS);
	c->seg[c->nr++] = (struct qm_seg){gpa, len, write};
}

/* The (i)-th byte of the writable part. */
static uint64_t writable_at(const struct qm_chain *c, uint64_t i)
{
	for (unsigned k = 0; k < c->nr; k++) {
		if (!c->seg[k].write)
			continue;
		if (i < c->seg[k].len)
			return c->seg[k].gpa + i;
		i -= c->seg[k].len;
	}
	fail();
	return 0;
}

/* ---- the entropy device ------------------------------------------------------------------------------- */

static void rng_make(struct world *w, struct qm_chain *c, uint64_t gpa)
{
	unsigned out = pick(w, 3) ? 0 : 1, in = pick(w, 5);

	fill(w, gpa, PATTERN, AREA);
	for (unsigned i = 0; i < out; i++)
		add(c, gpa, pick(w, 100), false);
	for (unsigned i = 0; i < in || !c->nr; i++)
		add(c, gpa + 0x800 * (i + 1), pick(w, 8) ? 1 + pick(w, 600) : 0, true);
}

static void rng_back(struct qm *q, const struct qm_chain *c, uint32_t len)
{
	struct world *w = container_of(q, struct world, q);
	uint64_t room = qm_room(c);
	unsigned same = 0;

	QM_CHECK(q, len == room || (w->shorts && len >= 1), "%u of %llu bytes", len,
		 (unsigned long long)room);
	/* What does not count is as it was. */
	for (uint64_t i = 0; i < room; i++) {
		bool is = byte_at(w, writable_at(c, i)) == PATTERN;

		QM_CHECK(q, is || i < len, "byte %llu of %u was stored", (unsigned long long)i,
			 len);
		same += is && i < len;
	}
	QM_CHECK(q, same <= len / 8 + 4, "%u of %u bytes are not random", same, len);
}

/* ---- the block device ----------------------------------------------------------------------------------- */

static void blk_make(struct world *w, struct qm_chain *c, uint64_t gpa)
{
	static const uint32_t types[] = {BLK_IN, BLK_IN,    BLK_OUT,	BLK_OUT,
					 BLK_ID, BLK_FLUSH, BLK_UNKNOWN};
	struct blk_expect *e = &w->expect[c->tag];
	uint32_t sectors = 1 + pick(w, 8), cut = pick(w, 17);
	uint64_t sector = pick(w, 4) ? pick(w, SECTORS - 8) : SECTORS - pick(w, 4);
	uint8_t *header = gmem_rw(w->m->env.mem, gpa, 16);
	bool beyond = sector + sectors > SECTORS, write;

	assert_non_null(header);
	e->type = types[pick(w, ARRAY_SIZE(types))];
	/* Which write failed is known when it comes back only, so there are none then. */
	if (w->errors && e->type == BLK_OUT)
		e->type = BLK_IN;
	st_le32(header, e->type);
	st_le32(header + 4, 0);
	st_le64(header + 8, sector);
	e->len = e->type == BLK_FLUSH ? 0 : e->type == BLK_ID ? 20 : sectors * BLK_SECTOR;
	e->status = e->type == BLK_UNKNOWN ? BLK_UNSUPP : BLK_OK;
	if (beyond && e->type <= BLK_OUT)
		e->status = BLK_IOERR;
	write = e->type == BLK_IN || e->type == BLK_ID;
	/* The header in one piece or two; data likewise; 2.7.4: it makes no difference. */
	if (cut && cut < 16)
		add(c, gpa, cut, false);
	add(c, gpa + cut % 16, 16 - cut % 16, false);
	for (uint32_t i = 0; i < e->len; i++)
		fill(w, gpa + 0x1000 + i, e->type == BLK_OUT ? (uint8_t)pick(w, 256) : PATTERN, 1);
	cut = e->len ? pick(w, e->len) : 0;
	if (cut)
		add(c, gpa + 0x1000, cut, write);
	if (e->len)
		add(c, gpa + 0x1000 + cut, e->len - cut, write);
	fill(w, gpa + 0x100, PATTERN, 1);
	add(c, gpa + 0x100, 1, true);
	if (e->status != BLK_OK || e->type > BLK_OUT)
		return;
	/* Requests are carried out in order, whenever they come back. */
	if (e->type == BLK_OUT)
		memcpy(&w->disk[sector * BLK_SECTOR], qm_ram(&w->q) + gpa + 0x1000, e->len);
	memcpy(e->data, &w->disk[sector * BLK_SECTOR], e->len);
}

static void blk_back(struct qm *q, const struct qm_chain *c, uint32_t len)
{
	struct world *w = container_of(q, struct world, q);
	const struct blk_expect *e = &w->expect[c->tag];
	uint64_t room = qm_room(c), gpa = DATA + AREA * c->tag;
	uint8_t status;

	if (c->malformed)
		return;
	status = byte_at(w, writable_at(c, room - 1));
	if (w->errors && status == BLK_IOERR) {
		QM_CHECK(q, len == (room == 1), "used.len %u of a failed request", len);
		return;
	}
	QM_CHECK(q, status == e->status, "request %u: status %u, not %u", e->type, status,
		 e->status);
	/* used.len counts without a gap: the status, if all before it was stored. */
	QM_CHECK(q, len == (status == BLK_OK || room == 1 ? room : 0), "request %u: used.len %u",
		 e->type, len);
	if (e->type == BLK_IN && status == BLK_OK)
		QM_CHECK(q, !memcmp(qm_ram(q) + gpa + 0x1000, e->data, e->len), "wrong data");
}

/* What was on offer was done, or not: both are right. */
static void blk_reset(struct world *w)
{
	assert_int_equal(blk_read(w->m->disk[0], 0, w->disk, TEST_DISK), 0);
}

static const struct subject subjects[] = {
	{"virtio-rng", 0, rng_make, rng_back, NULL},
	{"virtio-blk", F_BIT(9), blk_make, blk_back, blk_reset},
};

/* ---- the driver ------------------------------------------------------------------------------------------- */

static void back(struct qm *q, const struct qm_chain *c, uint32_t len)
{
	struct world *w = container_of(q, struct world, q);

	if (!c->malformed)
		w->subject->back(q, c, len);
	for (unsigned i = 0; i < w->descs[c->tag].nr; i++)
		w->desc_used[w->descs[c->tag].d[i]] = false;
	w->free += w->is_packed ? c->slots : w->descs[c->tag].nr;
	w->area_used[c->tag] = false;
}

static void forget(struct world *w)
{
	memset(w->desc_used, 0, sizeof(w->desc_used));
	memset(w->area_used, 0, sizeof(w->area_used));
	w->next_desc = 0;
	w->free = w->num;
	if (w->subject->reset)
		w->subject->reset(w);
}

static void queue_up(struct world *w)
{
	bool event = w->features >> VIRTIO_F_EVENT_IDX & 1;

	forget(w);
	if (w->is_packed)
		assert_int_equal(
			virtq_pdriver_init(&w->packed, w->m->env.mem, w->num, RINGS, event), 0);
	else
		assert_int_equal(virtq_driver_init(&w->split, w->m->env.mem, w->num, RINGS, event),
				 0);
	if (w->is_packed)
		w->split = (struct virtq_driver){.num = w->num,
						 .desc = w->packed.desc,
						 .avail = w->packed.avail,
						 .used = w->packed.used};
	tell_queue(w->m, &w->split);
	wr(w->m, QUEUE_READY, 1);
	assert_int_equal(rd(w->m, QUEUE_READY), 1);
	qm_start(&w->q, w->is_packed, w->is_in_order, w->num, w->split.desc, w->split.avail,
		 w->split.used);
}

static void device_up(struct world *w)
{
	wr(w->m, STATUS, 0);
	accept_features(w->m, w->features);
	assert_int_equal(rd(w->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	queue_up(w);
	wr(w->m, STATUS, UP);
}

static uint16_t free_desc(struct world *w)
{
	/* In order they are used in order (2.7.5); else any. */
	uint32_t i = w->is_in_order ? w->next_desc : pick(w, w->num);

	while (w->desc_used[i])
		i = (i + 1) % w->num;
	w->desc_used[i] = true;
	w->next_desc = (i + 1) % w->num;
	return (uint16_t)i;
}

static void put_table(struct world *w, uint64_t table, const struct qm_chain *c)
{
	for (unsigned i = 0; i < c->nr; i++) {
		uint8_t b[16];

		st_le64(b, c->seg[i].gpa);
		st_le32(b + 8, c->seg[i].len);
		st_le16(b + 12, (uint16_t)((c->seg[i].write ? 2 : 0) |
					   (i + 1 < c->nr && !w->is_packed ? 1 : 0)));
		st_le16(b + 14, (uint16_t)(i + 1 < c->nr ? i + 1 : 0));
		assert_int_equal(gmem_write(w->m->env.mem, table + 16 * i, b, 16), 0);
	}
}

static void put_split(struct world *w, struct qm_chain *c, bool indirect)
{
	unsigned n = indirect ? 1 : c->nr;
	uint16_t *d = w->descs[c->tag].d;

	w->descs[c->tag].nr = n;
	for (unsigned i = 0; i < n; i++)
		d[i] = free_desc(w);
	if (indirect) {
		put_table(w, TABLES + TABLE_ * c->tag, c);
		assert_int_equal(virtq_driver_desc(&w->split, d[0], TABLES + TABLE_ * c->tag,
						   16 * c->nr, VIRTQ_DESC_F_INDIRECT, 0),
				 0);
	}
	for (unsigned i = 0; i < n && !indirect; i++) {
		bool last = i + 1 == n;

		assert_int_equal(virtq_driver_desc(&w->split, d[i], c->seg[i].gpa, c->seg[i].len,
						   (uint16_t)((c->seg[i].write ? 2 : 0) | !last),
						   last ? 0 : d[i + 1]),
				 0);
	}
	c->id = d[0];
	virtq_driver_offer(&w->split, c->id);
	virtq_driver_publish(&w->split);
}

static void put_packed(struct world *w, struct qm_chain *c, bool indirect)
{
	struct virtq_buf b[QM_SEGS];

	for (unsigned i = 0; i < c->nr; i++)
		b[i] = (struct virtq_buf){c->seg[i].gpa, c->seg[i].len, c->seg[i].write};
	c->id = (uint16_t)(c->tag * 1021 + 77);
	c->slots = indirect ? 1 : c->nr;
	w->descs[c->tag].nr = 0;
	assert_int_equal(indirect ? virtq_pdriver_indirect(&w->packed, TABLES + TABLE_ * c->tag, b,
							   c->nr, c->id)
				  : virtq_pdriver_put(&w->packed, b, c->nr, c->id),
			 0);
}

/* One more request on offer, now and then one that is malformed. */
static void offer_one(struct world *w)
{
	struct qm_chain c = {0};
	bool indirect = !pick(w, 3);

	while (c.tag < AREAS && w->area_used[c.tag])
		c.tag++;
	if (c.tag == AREAS || w->free < QM_SEGS)
		return;
	w->subject->make(w, &c, DATA + AREA * c.tag);
	if (!pick(w, 10) && c.nr < QM_SEGS && w->subject->reset == NULL) {
		c.malformed = true;
		if (pick(w, 2))
			add(&c, NOWHERE, 16, true);
		else if (c.seg[c.nr - 1].write)
			add(&c, DATA + AREA * c.tag, 4, false);
		else
			c.malformed = false;
	}
	w->area_used[c.tag] = true;
	if (w->is_packed)
		put_packed(w, &c, indirect);
	else
		put_split(w, &c, indirect);
	w->free -= w->is_packed ? c.slots : w->descs[c.tag].nr;
	(void)qm_offer(&w->q, &c);
	qm_driver_wrote(&w->q);
}

/* What the driver wants to hear of the next chain that comes back. */
static void ask(struct world *w)
{
	bool event = w->features >> VIRTIO_F_EVENT_IDX & 1, want = pick(w, 2);

	wr(w->m, INTERRUPT_ACK, 1);
	if (w->is_packed && event)
		virtq_pdriver_event(&w->packed,
				    (uint16_t)(w->q.used_at | (uint32_t)w->q.used_wrap << 15),
				    want ? VIRTQ_EVENT_DESC : VIRTQ_EVENT_DISABLE);
	else if (w->is_packed)
		virtq_pdriver_event(&w->packed, 0, want ? VIRTQ_EVENT_ENABLE : VIRTQ_EVENT_DISABLE);
	else
		virtq_driver_suppress(&w->split, !want, (uint16_t)(w->q.used_at - (want ? 0 : 1)));
	w->q.wants_interrupt = want;
	qm_driver_wrote(&w->q);
}

static void save_and_load(struct world *w)
{
	struct buf saved = {0};
	size_t used;

	assert_int_equal(dev_save(w->d, &saved), 0);
	dev_reset(w->d);
	assert_int_equal(dev_load(w->d, saved.p, saved.len, &used, NULL), 0);
	buf_free(&saved);
	/* Lines are the machine's to restore. */
	if (container_of(w->d, struct virtio, dev)->irq_level)
		w->m->lines |= LINE;
}

/* The driver took the queue back: whatever the time, nobody may write to anything. */
static void nothing_more(struct world *w)
{
	w->q.nr = 0;
	w->q.nr_wrote = 0;
	(void)clock_advance(&w->m->clock, 10000);
	qm_compare(&w->q);
}

static void step(struct world *w)
{
	unsigned n = pick(w, 100);

	if (n >= 56) {
		offer_one(w);
		return;
	}
	if (n >= 36) {
		(void)clock_advance(&w->m->clock, pick(w, 1500));
	} else if (n >= 16) {
		wr(w->m, QUEUE_NOTIFY, 0);
	} else if (n >= 6) {
		ask(w);
	} else if (n >= 2) {
		save_and_load(w);
	} else if (n) {
		wr(w->m, QUEUE_RESET, 1);
		nothing_more(w);
		queue_up(w);
	} else {
		wr(w->m, STATUS, 0);
		nothing_more(w);
		device_up(w);
	}
	(void)qm_look(&w->q);
}

static void run(struct machine *m, const struct subject *s, const char *opts, uint64_t features,
		uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	char spec[128], what[192];

	assert_non_null(w);
	(void)snprintf(spec, sizeof(spec), "%s%s", s->name, opts);
	(void)snprintf(what, sizeof(what), "%s, features %#llx, seed %llu", spec,
		       (unsigned long long)features, (unsigned long long)seed);
	w->m = m;
	w->subject = s;
	w->q.m = m;
	w->q.what = what;
	w->q.back = back;
	w->q.before = calloc(1, TEST_RAM);
	assert_non_null(w->q.before);
	w->rng.s = seed;
	m->env.seed = seed;
	w->features = features | s->features | F_RESET;
	w->is_packed = features & F_PACKED;
	w->is_in_order = features & F_ORDER;
	w->shorts = strstr(opts, "short");
	w->errors = strstr(opts, "errors");
	w->num = w->is_packed ? 27 : 32;
	w->d = machine_add(m, spec);
	device_up(w);
	for (unsigned i = 0; i < STEPS; i++)
		step(w);
	/* In the end all of it comes back. */
	wr(m, QUEUE_NOTIFY, 0);
	(void)qm_look(&w->q);
	(void)clock_advance(&m->clock, 10000);
	(void)qm_look(&w->q);
	QM_CHECK(&w->q, !w->q.nr, "%u chains never came back", w->q.nr);
	QM_CHECK(&w->q, w->q.total > STEPS / 20, "only %u chains", w->q.total);
	QM_CHECK(&w->q, rd(m, STATUS) == UP, "status %#x", (unsigned)rd(m, STATUS));
	QM_CHECK(&w->q, clock_next(&m->clock) == CLOCK_NEVER, "a timer is left");
	dev_free(w->d);
	free(w->q.before);
	free(w);
	m->lines = 0;
}

static void all_rings(struct machine *m, const struct subject *s, const char *opts)
{
	for (unsigned k = 0; k < 8; k++) {
		char all[128];

		(void)snprintf(all, sizeof(all), ",packed=%u,in_order=%u%s", k & 1, k >> 1 & 1,
			       opts);
		for (uint64_t seed = 1; seed <= 2; seed++)
			run(m, s, all,
			    F_BIT(VIRTIO_F_VERSION_1) | F_BIT(VIRTIO_F_INDIRECT_DESC) |
				    (k & 1 ? F_PACKED : 0) | (k & 2 ? F_ORDER : 0) |
				    (k & 4 ? F_BIT(VIRTIO_F_EVENT_IDX) : 0),
			    seed * 1000 + k);
	}
}

static void at_once(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(subjects); i++)
		all_rings(*state, &subjects[i], "");
}

static void late(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(subjects); i++)
		all_rings(*state, &subjects[i], ",delay=1000");
}

static void started_late(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(subjects); i++)
		all_rings(*state, &subjects[i], ",delay=1000,start=700");
}

static void cut_short(void **state)
{
	all_rings(*state, &subjects[0], ",short=3,delay=500");
}

static void with_errors(void **state)
{
	all_rings(*state, &subjects[1], ",errors=4,start=300,delay=500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(at_once),	 machine_test(late),	    machine_test(started_late),
		machine_test(cut_short), machine_test(with_errors),
	};

	return cmocka_run_group_tests_name("virtio model", tests, NULL, NULL);
}
