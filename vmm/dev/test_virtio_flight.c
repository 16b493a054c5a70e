/* SPDX-License-Identifier: MIT */
/*
 * Requests in flight, for every virtio device that there is, those not written yet included: its
 * queues are filled with requests of any kind, and in the middle of them the driver resets the device,
 * resets or stops the queues one by one, or a snapshot is taken and loaded. What was taken back is let
 * alone from then on; the fresh state is fresh; nothing comes back twice.
 */
#include "test_virtio.h"

#include <stdlib.h>

#define NUM    16u
#define CHAINS (NUM / 3) /* of at most three descriptors each, so that there is room */
#define AREA   0x400u
#define LATER  100000000u /* ns, long after everything is due */

enum action { STATUS_0, POWER_ON, QUEUE_RESET, QUEUE_STOP, SNAPSHOT, ACTIONS };

struct flight {
	struct machine *m;
	struct dev *d;
	struct virtio *v;
	const char *what;
	struct rng rng;
	bool is_packed;
	uint64_t fresh;
	struct virtq_driver split[VIRTIO_QUEUES];
	struct virtq_pdriver packed[VIRTIO_QUEUES];
	uint8_t before[TEST_RAM];
};

static uint32_t pick(struct flight *f, uint32_t below)
{
	return (uint32_t)(rng_next(&f->rng) % below);
}

static void says(const struct flight *f, bool ok, const char *text)
{
	if (ok)
		return;
	print_error("%s: %s\n", f->what, text);
	fail();
}

static void set_up(struct flight *f, unsigned k)
{
	uint64_t at = RINGS + 0x1000u * k;

	if (f->is_packed) {
		struct virtq_pdriver *p = &f->packed[k];

		assert_int_equal(virtq_pdriver_init(p, f->m->env.mem, NUM, at, true), 0);
		tell_queue_n(
			f->m, k,
			&(struct virtq_driver){
				.num = NUM, .desc = p->desc, .avail = p->avail, .used = p->used});
	} else {
		assert_int_equal(virtq_driver_init(&f->split[k], f->m->env.mem, NUM, at, true), 0);
		tell_queue_n(f->m, k, &f->split[k]);
	}
	wr(f->m, QUEUE_READY, 1);
	assert_int_equal(rd(f->m, QUEUE_READY), 1);
}

static void bring_all_up(struct flight *f)
{
	accept_features(f->m, virtio_offered(f->v));
	assert_int_equal(rd(f->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	for (unsigned k = 0; k < f->v->nr_queues; k++)
		set_up(f, k);
	wr(f->m, STATUS, UP);
	assert_int_equal(rd(f->m, STATUS), UP);
}

/* A request of small numbers, which means something to most devices, and room for an answer. */
static void put_one(struct flight *f, unsigned k, unsigned i)
{
	uint64_t gpa = BUFS + AREA * (k * CHAINS + i);
	struct virtq_buf b[3];
	uint8_t bytes[64];
	unsigned n = 0;

	for (unsigned j = 0; j < sizeof(bytes); j++)
		bytes[j] = pick(f, 4) ? 0 : (uint8_t)pick(f, 16);
	assert_int_equal(gmem_write(f->m->env.mem, gpa, bytes, sizeof(bytes)), 0);
	if (pick(f, 3))
		b[n++] = (struct virtq_buf){gpa, pick(f, 2) ? 16 : pick(f, 65), false};
	if (!n || pick(f, 3))
		b[n++] = (struct virtq_buf){gpa + 0x100, 1 + pick(f, 0x1ff), true};
	if (pick(f, 2))
		b[n++] = (struct virtq_buf){gpa + 0x300, 1, true};
	if (f->is_packed) {
		assert_int_equal(virtq_pdriver_put(&f->packed[k], b, n, (uint16_t)i), 0);
		return;
	}
	virtq_driver_offer(&f->split[k], (uint16_t)virtq_driver_chain(&f->split[k], b, n));
	virtq_driver_publish(&f->split[k]);
}

static void fill_and_ring(struct flight *f)
{
	for (unsigned k = 0; k < f->v->nr_queues; k++) {
		for (unsigned i = 0; i < CHAINS; i++)
			put_one(f, k, i);
		wr(f->m, QUEUE_NOTIFY, k);
		if (!pick(f, 3))
			(void)clock_advance(&f->m->clock, pick(f, 800));
	}
	(void)clock_advance(&f->m->clock, pick(f, 1500));
}

static void nothing_happens(struct flight *f)
{
	assert_int_equal(gmem_read(f->m->env.mem, 0, f->before, TEST_RAM), 0);
	wr(f->m, INTERRUPT_ACK, VIRTIO_INT_QUEUE | VIRTIO_INT_CONFIG);
	(void)clock_advance(&f->m->clock, LATER);
	says(f, !memcmp(f->before, gmem_ro(f->m->env.mem, 0, TEST_RAM), TEST_RAM),
	     "memory was written that the driver had taken back");
	says(f, !(rd(f->m, INTERRUPT_STATUS) & VIRTIO_INT_QUEUE),
	     "an interrupt for queues that the driver had taken back");
}

static void save_and_load(struct flight *f)
{
	uint64_t hash = dev_hash(f->d, 0);
	struct buf saved = {0};
	struct err err = {0};
	size_t used;

	assert_int_equal(dev_save(f->d, &saved), 0);
	dev_reset(f->d);
	if (dev_load(f->d, saved.p, saved.len, &used, &err))
		print_error("%s: %s\n", f->what, err.msg);
	says(f, used == saved.len, "not all of a snapshot was loaded");
	says(f, dev_hash(f->d, 0) == hash, "a snapshot with requests in flight changed the state");
	buf_free(&saved);
}

/* How many entries came back, each of which stands for one chain at least. */
static unsigned used_of(struct flight *f, unsigned k)
{
	uint32_t id, len;
	uint16_t id16;
	unsigned n = 0;

	while (n <= NUM && (f->is_packed ? virtq_pdriver_used(&f->packed[k], &id16, &len)
					 : virtq_driver_used(&f->split[k], &id, &len)))
		n++;
	return n;
}

static void act(struct flight *f, enum action a)
{
	switch (a) {
	case STATUS_0:
	case POWER_ON:
		if (a == STATUS_0)
			wr(f->m, STATUS, 0);
		else
			dev_reset(f->d);
		says(f, dev_hash(f->d, 0) == f->fresh,
		     "the state after a reset is not the fresh one");
		nothing_happens(f);
		bring_all_up(f);
		break;
	case QUEUE_RESET:
	case QUEUE_STOP:
		for (unsigned i = 0; i < f->v->nr_queues; i++) {
			wr(f->m, QUEUE_SEL, (i + 1) % f->v->nr_queues);
			if (a == QUEUE_RESET)
				wr(f->m, QUEUE_RESET, 1);
			else
				wr(f->m, QUEUE_READY, 0);
			assert_int_equal(rd(f->m, QUEUE_READY), 0);
			(void)clock_advance(&f->m->clock, pick(f, 300));
		}
		nothing_happens(f);
		for (unsigned k = 0; k < f->v->nr_queues; k++)
			set_up(f, k);
		break;
	default:
		save_and_load(f);
		break;
	}
}

static void fly(struct machine *m, const char *class, const char *opts, enum action a,
		uint64_t seed)
{
	struct flight *f = calloc(1, sizeof(*f));
	char spec[160], what[200];

	assert_non_null(f);
	(void)snprintf(spec, sizeof(spec), "%s,base=%llu,irq=5,%s", class, BASE, opts);
	(void)snprintf(what, sizeof(what), "%s, action %d, seed %llu", spec, (int)a,
		       (unsigned long long)seed);
	f->m = m;
	f->what = what;
	f->rng.s = seed;
	m->env.seed = seed;
	m->lines = 0;
	f->d = machine_add(m, spec);
	f->v = container_of(f->d, struct virtio, dev);
	f->is_packed = strstr(opts, "packed=1");
	f->fresh = dev_hash(f->d, 0);
	bring_all_up(f);
	/* After a snapshot queues may be full still: a device keeps what is for packets that come in. */
	for (unsigned round = a == SNAPSHOT ? 2 : 0; round < 3; round++) {
		fill_and_ring(f);
		act(f, a);
		says(f, !(rd(m, STATUS) & VIRTIO_S_NEEDS_RESET), "the device is broken");
		(void)clock_advance(&m->clock, LATER);
		for (unsigned k = 0; k < f->v->nr_queues; k++)
			says(f, used_of(f, k) <= CHAINS, "more came back than was on offer");
		says(f, !(rd(m, STATUS) & VIRTIO_S_NEEDS_RESET), "the device is broken");
	}
	dev_free(f->d);
	free(f);
}

static void every_class(void **state)
{
	static const char *const rings[] = {
		"packed=0,in_order=0",
		"packed=1,in_order=0",
		"packed=0,in_order=1",
		"packed=1,in_order=1",
	};
	static const char *const times[] = {"delay=1000", "start=700,delay=1000", "start=300"};
	unsigned classes = 0;

	for (const struct dev_class *const *c = dev_classes; *c; c++) {
		if ((*c)->part == NULL || (*c)->read != virtio_mmio_read)
			continue;
		classes++;
		for (unsigned i = 0; i < ARRAY_SIZE(rings) * ARRAY_SIZE(times); i++) {
			char opts[96];

			(void)snprintf(opts, sizeof(opts), "%s,%s", rings[i % ARRAY_SIZE(rings)],
				       times[i / ARRAY_SIZE(rings)]);
			for (unsigned a = 0; a < ACTIONS; a++)
				for (uint64_t seed = 1; seed <= 2; seed++)
					fly(*state, (*c)->name, opts, (enum action)a,
					    seed * 100 + i);
		}
	}
	assert_true(classes >= 2);
}

/* Options that keep requests back by other means. */
static void limited(void **state)
{
	static const char *const opts[] = {
		"queues=4,iops=2000000,packed=0",
		"queues=4,iops=2000000,bps=1000000,packed=1,in_order=1,delay=900",
		"queues=8,iops=100000,start=400",
		"queue_max=16,errors=3,in_order=1,delay=700",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(opts); i++)
		for (unsigned a = 0; a < ACTIONS; a++)
			for (uint64_t seed = 1; seed <= 5; seed++)
				fly(*state, "virtio-blk", opts[i], (enum action)a, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(every_class),
		machine_test(limited),
	};

	return cmocka_run_group_tests_name("virtio in flight", tests, NULL, NULL);
}
