/* SPDX-License-Identifier: MIT */
/* virtio-mmio's register rules (virtio 1.2, 4.2.2 and what it stands on), and the rng's queue. */
#include "test_virtio.h"

#include <errno.h>

static struct virtq *queue0(struct dev *d)
{
	return &container_of(d, struct virtio, dev)->q[0];
}

/* ---- registers -------------------------------------------------------------------------------- */

static void identity(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");

	assert_int_equal(rd(m, MAGIC), 0x74726976);
	assert_int_equal(rd(m, VERSION), 2);
	assert_int_equal(rd(m, DEVICE_ID), 4);
	assert_int_equal(rd(m, VENDOR_ID), VIRTIO_VENDOR_VISE);
	assert_int_equal(rd(m, QUEUE_NUM_MAX), 256);
	assert_int_equal(rd(m, CONFIG_GENERATION), 0);
	for (uint32_t sel = 0; sel < 3; sel++) {
		wr(m, SHM_SEL, sel);
		assert_int_equal(rd(m, SHM_LEN_LOW), 0xffffffff);
		assert_int_equal(rd(m, SHM_LEN_HIGH), 0xffffffff);
		assert_int_equal(rd(m, SHM_BASE_LOW), 0xffffffff);
		assert_int_equal(rd(m, SHM_BASE_HIGH), 0xffffffff);
	}
	dev_free(d);
}

/* Every (offset, size): what is no register access of 32 aligned bits reads 0 and is noted. */
static void widths_and_offsets(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	uint64_t fresh = dev_hash(d, 0);

	for (uint64_t off = 0; off < VIRTIO_MMIO_LEN; off++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			const struct dev_reg *r = dev_reg_find(d->cls, 0, off);
			bool readable = off < VIRTIO_MMIO_CONFIG && size == 4 && !(off & 3) && r &&
					r->access[0] == 'r';
			uint64_t v;

			if (off + size > VIRTIO_MMIO_LEN)
				continue;
			trace_clear(m->env.trace);
			v = mmio_r(m, BASE + off, size);
			assert_int_equal(last_is_guest_error(m), !readable);
			if (!readable)
				assert_int_equal(v, 0);
			if (size == 4 && !(off & 3) && r && strchr(r->access, 'w') &&
			    off < VIRTIO_MMIO_CONFIG)
				continue;
			trace_clear(m->env.trace);
			mmio_w(m, BASE + off, size, UINT64_MAX);
			assert_true(last_is_guest_error(m));
		}
	}
	assert_true(dev_hash(d, 0) == fresh);
	dev_free(d);
}

static void features_by_pages(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");

	wr(m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(m, DEVICE_FEATURES), (uint32_t)F_ALL);
	wr(m, DEVICE_FEATURES_SEL, 1);
	assert_int_equal(rd(m, DEVICE_FEATURES), (F_ALL | 1ull << VIRTIO_F_RING_RESET) >> 32);
	for (uint32_t sel = 2; sel; sel <<= 1) {
		wr(m, DEVICE_FEATURES_SEL, sel);
		assert_int_equal(rd(m, DEVICE_FEATURES), 0);
	}
	dev_free(d);
}

static void features_are_negotiated(void **state)
{
	static const struct {
		uint64_t features;
		bool ok;
	} cases[] = {
		{1ull << VIRTIO_F_VERSION_1, true},
		{F_ALL, true},
		{0, false},
		{1ull << VIRTIO_F_EVENT_IDX, false},
		{F_ALL | 1, false},
		{F_ALL | 1ull << 33, false},
		{F_ALL | 1ull << 63, false},
		{UINT64_MAX, false},
	};
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		wr(m, STATUS, 0);
		accept_features(m, cases[i].features);
		assert_int_equal(rd(m, STATUS),
				 ACK_DRIVER | (cases[i].ok ? VIRTIO_S_FEATURES_OK : 0));
		/* Without FEATURES_OK there is no DRIVER_OK. */
		wr(m, STATUS, UP);
		assert_int_equal(rd(m, STATUS), cases[i].ok ? UP : ACK_DRIVER);
	}
	/* A refused driver may try again with less. */
	wr(m, STATUS, 0);
	accept_features(m, F_ALL | 1);
	accept_features(m, F_ALL);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	/* Settled: later writes do not count. */
	wr(m, DRIVER_FEATURES, 0);
	assert_true(last_is_guest_error(m));
	assert_true(container_of(d, struct virtio, dev)->driver_features == F_ALL);
	/* Bits above 63 are no less unoffered. */
	wr(m, STATUS, 0);
	wr(m, DRIVER_FEATURES_SEL, 2);
	wr(m, DRIVER_FEATURES, 0);
	accept_features(m, F_ALL);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	wr(m, STATUS, 0);
	wr(m, DRIVER_FEATURES_SEL, 2);
	wr(m, DRIVER_FEATURES, 1);
	accept_features(m, F_ALL);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER);
	dev_free(d);
}

static void status_bits(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");

	wr(m, STATUS, ACK_DRIVER);
	wr(m, STATUS, VIRTIO_S_DRIVER); /* the driver never clears a bit */
	assert_true(last_is_guest_error(m));
	assert_int_equal(rd(m, STATUS), ACK_DRIVER);
	wr(m, STATUS, ACK_DRIVER | VIRTIO_S_NEEDS_RESET | 0x10 | 0x100); /* not its bits */
	assert_int_equal(rd(m, STATUS), ACK_DRIVER);
	wr(m, STATUS, ACK_DRIVER | VIRTIO_S_FAILED);
	assert_int_equal(rd(m, STATUS), ACK_DRIVER | VIRTIO_S_FAILED);
	wr(m, STATUS, 0);
	assert_int_equal(rd(m, STATUS), 0);
	dev_free(d);
}

static const uint32_t bad_sizes[] = {0, 3, 255, 257, 512, 0x10000, 0x10001, 0x80000000, UINT32_MAX};

static void queue_sizes(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	for (uint32_t n = 1; n <= 256; n *= 2) {
		wr(m, QUEUE_NUM, n);
		assert_int_equal(queue0(d)->num, n);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad_sizes); i++) {
		wr(m, QUEUE_NUM, bad_sizes[i]);
		assert_true(last_is_guest_error(m));
		assert_int_equal(queue0(d)->num, bad_sizes[i]);
	}
	wr(m, QUEUE_NUM, 256);
	/* A queue that is not there. */
	for (uint32_t sel = 1; sel; sel <<= 1) {
		wr(m, QUEUE_SEL, sel);
		assert_int_equal(rd(m, QUEUE_NUM_MAX), 0);
		assert_int_equal(rd(m, QUEUE_READY), 0);
		wr(m, QUEUE_NUM, 8);
		assert_true(last_is_guest_error(m));
		wr(m, QUEUE_READY, 1);
		wr(m, QUEUE_READY, 0);
		assert_int_equal(rd(m, QUEUE_READY), 0);
	}
	assert_int_equal(queue0(d)->num, 256);
	dev_free(d);
}

static void queue_ready_needs_all(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	assert_int_equal(virtq_driver_init(&q, m->env.mem, 16, RINGS, false), 0);
	tell_queue(m, &q);
	wr(m, QUEUE_READY, 1); /* before FEATURES_OK */
	assert_int_equal(rd(m, QUEUE_READY), 0);
	accept_features(m, F_ALL);
	wr(m, QUEUE_READY, 2); /* no value for it */
	assert_int_equal(rd(m, QUEUE_READY), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad_sizes); i++) {
		wr(m, QUEUE_NUM, bad_sizes[i]);
		wr(m, QUEUE_READY, 1);
		assert_int_equal(rd(m, QUEUE_READY), 0);
	}
	wr(m, QUEUE_NUM, 16);
	wr(m, QUEUE_DESC_LOW, RINGS + 8); /* not aligned */
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	wr(m, QUEUE_DESC_LOW, TEST_RAM - 16); /* half outside RAM */
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	wr(m, QUEUE_DESC_LOW, RINGS);
	wr(m, QUEUE_DESC_HIGH, 0xffffffff);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	wr(m, QUEUE_DESC_HIGH, 0);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, QUEUE_READY, 1); /* once more changes nothing */
	assert_int_equal(rd(m, QUEUE_READY), 1);
	dev_free(d);
}

static void ready_queue_is_frozen(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;
	uint64_t before;

	bring_up(m, &q, F_ALL, 16);
	before = dev_hash(d, 0);
	wr(m, QUEUE_NUM, 8);
	wr(m, QUEUE_DESC_LOW, 0);
	wr(m, QUEUE_DESC_HIGH, 1);
	wr(m, QUEUE_DRIVER_LOW, 0);
	wr(m, QUEUE_DRIVER_HIGH, 1);
	wr(m, QUEUE_DEVICE_LOW, 0);
	wr(m, QUEUE_DEVICE_HIGH, 1);
	assert_true(last_is_guest_error(m));
	assert_true(dev_hash(d, 0) == before);
	/* Stopped: as new, and it can be set up again. */
	wr(m, QUEUE_READY, 0);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	assert_int_equal(queue0(d)->num, 256);
	wr(m, QUEUE_NUM, 8);
	assert_int_equal(queue0(d)->num, 8);
	tell_queue(m, &q);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	dev_free(d);
}

static void status_zero_resets(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	uint64_t fresh = dev_hash(d, 0);
	struct virtq_driver q;
	int head;

	bring_up(m, &q, F_ALL, 16);
	head = virtq_driver_chain(&q, (struct virtq_buf[]){{BUFS, 64, true}}, 1);
	virtq_driver_offer(&q, (uint16_t)head);
	virtq_driver_publish(&q);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(m->lines, LINE);
	wr(m, STATUS, 0);
	assert_int_equal(m->lines, 0);
	assert_true(dev_hash(d, 0) == fresh);
	dev_free(d);
}

/* ---- the rng's queue -------------------------------------------------------------------------- */

static bool is_filled(struct machine *m, uint64_t gpa, uint32_t len)
{
	unsigned zero = 0;
	const uint8_t *p = gmem_ro(m->env.mem, gpa, len);

	assert_non_null(p);
	for (uint32_t i = 0; i < len; i++)
		zero += !p[i];
	return zero < len / 8 + 1;
}

static bool is_zero(struct machine *m, uint64_t gpa, uint32_t len)
{
	const uint8_t *p = gmem_ro(m->env.mem, gpa, len);

	for (uint32_t i = 0; i < len; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static void rng_fills_direct_and_chained(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;
	struct virtq_buf one = {BUFS, 100, true};
	struct virtq_buf many[] = {{BUFS + 0x1000, 16, false},
				   {BUFS + 0x2000, 33, true},
				   {BUFS + 0x3000, 0, true},
				   {BUFS + 0x4000, 700, true}};

	bring_up(m, &q, F_ALL, 16);
	assert_int_equal(offer(m, &q, virtq_driver_chain(&q, &one, 1)), 100);
	assert_true(is_filled(m, BUFS, 100));
	assert_true(is_zero(m, BUFS + 100, 100));
	assert_int_equal(rd(m, INTERRUPT_STATUS), 1);
	assert_int_equal(m->lines, LINE);
	wr(m, INTERRUPT_ACK, 1);
	assert_int_equal(m->lines, 0);
	assert_int_equal(rd(m, INTERRUPT_STATUS), 0);

	assert_int_equal(offer(m, &q, virtq_driver_chain(&q, many, 4)), 733);
	assert_true(is_zero(m, BUFS + 0x1000, 16));
	assert_true(is_filled(m, BUFS + 0x2000, 33));
	assert_true(is_zero(m, BUFS + 0x2000 + 33, 33));
	assert_true(is_filled(m, BUFS + 0x4000, 700));
	/* Nothing to write: completed, empty. */
	assert_int_equal(offer(m, &q, virtq_driver_chain(&q, many, 1)), 0);
	dev_free(d);
}

static void rng_fills_indirect(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;
	struct virtq_buf bufs[] = {{BUFS, 40, true}, {BUFS + 0x1000, 50, true}};

	bring_up(m, &q, F_ALL, 16);
	assert_int_equal(offer(m, &q, virtq_driver_indirect(&q, TABLE, bufs, 2)), 90);
	assert_true(is_filled(m, BUFS, 40));
	assert_true(is_filled(m, BUFS + 0x1000, 50));
	/* Not negotiated: malformed. */
	wr(m, STATUS, 0);
	bring_up(m, &q, 1ull << VIRTIO_F_VERSION_1, 16);
	assert_int_equal(offer(m, &q, virtq_driver_indirect(&q, TABLE, bufs, 2)), 0);
	dev_free(d);
}

static void rng_completes_malformed_empty(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} bad[] = {
		{BUFS, 16, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 3},	  /* itself */
		{BUFS, 16, VIRTQ_DESC_F_WRITE | VIRTQ_DESC_F_NEXT, 999},  /* nowhere */
		{TEST_RAM - 8, 16, VIRTQ_DESC_F_WRITE, 0},		  /* half in RAM */
		{BASE, 16, VIRTQ_DESC_F_WRITE, 0},			  /* a device */
		{UINT64_MAX - 7, 16, VIRTQ_DESC_F_WRITE, 0},		  /* wraps */
		{BUFS, 0, VIRTQ_DESC_F_INDIRECT, 0},			  /* an empty table */
		{BUFS, 24, VIRTQ_DESC_F_INDIRECT, 0},			  /* half an entry */
		{BUFS, 16, VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_NEXT, 4}, /* and more */
	};
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(virtq_driver_desc(&q, 3, bad[i].addr, bad[i].len, bad[i].flags,
						   bad[i].next),
				 0);
		assert_int_equal(offer(m, &q, 3), 0);
		assert_int_equal(rd(m, STATUS), UP);
	}
	assert_true(is_zero(m, BUFS, 64));
	/* And it works on. */
	assert_int_equal(
		offer(m, &q, virtq_driver_chain(&q, (struct virtq_buf[]){{BUFS, 8, true}}, 1)), 8);
	dev_free(d);
}

static void rng_is_bounded(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_buf bufs[16];
	struct virtq_driver q;

	bring_up(m, &q, F_ALL, 16);
	for (unsigned i = 0; i < 16; i++)
		bufs[i] = (struct virtq_buf){0x20000, 0x80000, true};
	assert_int_equal(offer(m, &q, virtq_driver_chain(&q, bufs, 16)), 64 << 10);
	dev_free(d);
}

static void broken_queue_needs_reset(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL, 16);
	q.offer_idx = 100; /* jumps by more than the queue has */
	virtq_driver_publish(&q);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
	assert_int_equal(rd(m, INTERRUPT_STATUS), 2);
	assert_int_equal(m->lines, LINE);
	wr(m, QUEUE_NOTIFY, 0); /* nothing more until the reset */
	wr(m, STATUS, UP);	/* which is not this */
	assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
	wr(m, INTERRUPT_ACK, 2);
	assert_int_equal(m->lines, 0);
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL, 16);
	dev_free(d);
}

static void notify_is_gated(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;
	uint32_t id, len;

	assert_int_equal(virtq_driver_init(&q, m->env.mem, 16, RINGS, true), 0);
	accept_features(m, F_ALL);
	tell_queue(m, &q);
	wr(m, QUEUE_READY, 1);
	virtq_driver_offer(
		&q, (uint16_t)virtq_driver_chain(&q, (struct virtq_buf[]){{BUFS, 8, true}}, 1));
	virtq_driver_publish(&q);
	wr(m, QUEUE_NOTIFY, 0); /* DRIVER_OK is missing */
	assert_false(virtq_driver_used(&q, &id, &len));
	wr(m, STATUS, UP);
	wr(m, QUEUE_NOTIFY, 1);
	wr(m, QUEUE_NOTIFY, 0x10000);
	wr(m, QUEUE_NOTIFY, UINT32_MAX);
	assert_true(last_is_guest_error(m));
	assert_false(virtq_driver_used(&q, &id, &len));
	wr(m, QUEUE_NOTIFY, 0);
	assert_true(virtq_driver_used(&q, &id, &len));
	assert_int_equal(len, 8);
	wr(m, QUEUE_READY, 0);
	wr(m, QUEUE_NOTIFY, 0);
	assert_true(last_is_guest_error(m));
	dev_free(d);
}

static void interrupts_are_suppressed(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;
	struct virtq_buf one = {BUFS, 8, true};

	bring_up(m, &q, 1ull << VIRTIO_F_VERSION_1, 16);
	virtq_driver_suppress(&q, true, 0);
	offer(m, &q, virtq_driver_chain(&q, &one, 1));
	assert_int_equal(m->lines, 0);
	virtq_driver_suppress(&q, false, 0);
	offer(m, &q, virtq_driver_chain(&q, &one, 1));
	assert_int_equal(m->lines, LINE);
	wr(m, STATUS, 0);
	/* Event index: only when used.idx passes used_event. */
	bring_up(m, &q, F_ALL, 16);
	virtq_driver_suppress(&q, false, 1);
	offer(m, &q, virtq_driver_chain(&q, &one, 1));
	assert_int_equal(m->lines, 0);
	offer(m, &q, virtq_driver_chain(&q, &one, 1));
	assert_int_equal(m->lines, LINE);
	dev_free(d);
}

/* A doorbell's share used up exactly: the driver must still be told to ring for the next (2.7.10). */
static void full_queue_wants_the_next_kick(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_buf one = {BUFS, 8, true};
	struct virtq_driver q;
	uint32_t id, len;

	bring_up(m, &q, F_ALL, 4);
	for (unsigned i = 0; i < 4; i++)
		virtq_driver_offer(&q, (uint16_t)virtq_driver_chain(&q, &one, 1));
	virtq_driver_publish(&q);
	wr(m, QUEUE_NOTIFY, 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(virtq_driver_used(&q, &id, &len));
	virtq_driver_offer(&q, (uint16_t)virtq_driver_chain(&q, &one, 1));
	virtq_driver_publish(&q);
	assert_true(virtq_driver_needs_kick(&q, 4));
	dev_free(d);
}

static void rng_repeats(void **state)
{
	struct machine *m = *state;
	struct virtq_buf one = {BUFS, 32, true};
	uint8_t got[4][32];
	struct virtq_driver q;

	for (unsigned i = 0; i < 4; i++) {
		struct dev *d;

		m->env.seed = i == 3 ? 2 : 1;
		d = machine_add(m, i == 2 ? "virtio-rng,seed=1" : "virtio-rng");
		bring_up(m, &q, F_ALL, 16);
		offer(m, &q, virtq_driver_chain(&q, &one, 1));
		assert_int_equal(gmem_read(m->env.mem, BUFS, got[i], 32), 0);
		dev_free(d);
	}
	assert_memory_equal(got[0], got[1], 32);
	assert_memory_not_equal(got[0], got[2], 32);
	assert_memory_not_equal(got[0], got[3], 32);
	assert_memory_not_equal(got[2], got[3], 32);
}

static void saved_in_the_middle(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_buf one = {BUFS, 32, true};
	uint8_t a[32], b[32];
	struct virtq_driver q;
	struct buf saved = {0};
	uint32_t id, len;
	size_t used;

	bring_up(m, &q, F_ALL, 16);
	offer(m, &q, virtq_driver_chain(&q, &one, 1));
	assert_int_equal(dev_save(d, &saved), 0);
	offer(m, &q, virtq_driver_chain(&q, &one, 1));
	gmem_read(m->env.mem, BUFS, a, 32);
	dev_reset(d);
	assert_int_equal(dev_load(d, saved.p, saved.len, &used, NULL), 0);
	assert_int_equal(used, saved.len);
	/* The device does the second one again, at the same place of its sequence. */
	wr(m, QUEUE_NOTIFY, 0);
	gmem_read(m->env.mem, BUFS, b, 32);
	assert_memory_equal(a, b, 32);
	assert_false(virtq_driver_used(&q, &id, &len));
	buf_free(&saved);
	dev_free(d);
}

/* ---- a device with a configuration ------------------------------------------------------------ */

#define CONFIG_LEN 13u

struct conf {
	struct virtio v;
	uint8_t config[CONFIG_LEN];
};

static void conf_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	assert_true(off + len <= CONFIG_LEN);
	memcpy(buf, &container_of(v, struct conf, v)->config[off], len);
}

static void conf_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	assert_true(off + len <= CONFIG_LEN);
	memcpy(&container_of(v, struct conf, v)->config[off], buf, len);
}

static void conf_notify(struct virtio *v, unsigned queue)
{
	(void)v, (void)queue;
}

static struct virtio_class conf_class = {.device_id = 42,
					 .nr_queues = 3,
					 .queue_max = 8,
					 .config_len = CONFIG_LEN,
					 .notify = conf_notify,
					 .config_read = conf_read,
					 .config_write = conf_write};

static int conf_init(struct dev *d, struct err *err)
{
	return virtio_init(d, &conf_class, err);
}

static const struct dev_range conf_ranges[] = {{"regs", BUS_MMIO, BASE, VIRTIO_MMIO_LEN}, {0}};
static const struct state_field conf_state[] = {VIRTIO_STATE_FIELDS, STATE_RAW(struct conf, config),
						STATE_END};
static const struct dev_class conf_dev_class = {
	.name = "conf",
	.size = sizeof(struct conf),
	.version = 1,
	.ranges = conf_ranges,
	.state = conf_state,
	.init = conf_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

static void configuration_space(void **state)
{
	struct machine *m = *state;
	uint64_t config = BASE + VIRTIO_MMIO_CONFIG;
	struct dev *d;

	assert_int_equal(dev_new_class(&d, &conf_dev_class, NULL, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	for (unsigned i = 0; i < CONFIG_LEN; i++)
		mmio_w(m, config + i, 1, i + 1);
	for (uint64_t off = 0; off < 32; off++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			uint64_t want = 0;

			for (unsigned i = 0; i < size; i++)
				want |= (off + i < CONFIG_LEN ? off + i + 1 : 0) << (8 * i);
			trace_clear(m->env.trace);
			assert_true(mmio_r(m, config + off, size) == want);
			assert_int_equal(last_is_guest_error(m), off + size > CONFIG_LEN);
			if (off + size <= CONFIG_LEN)
				continue;
			mmio_w(m, config + off, size, UINT64_MAX); /* all or nothing */
			assert_true(last_is_guest_error(m));
		}
	}
	assert_int_equal(mmio_r(m, config + 8, 8), 0x0d0c0b0a09);
	mmio_w(m, config + 4, 8, 0);
	assert_int_equal(mmio_r(m, config, 8), 0x04030201);
	/* The last offsets of the range. */
	assert_int_equal(mmio_r(m, BASE + VIRTIO_MMIO_LEN - 8, 8), 0);
	dev_free(d);
}

static void needs_memory_and_sane_queues(void **state)
{
	struct machine *m = *state;
	struct gmem *mem;
	struct err err = {0};
	struct dev *d;

	conf_class.queue_max = 7;
	assert_int_equal(dev_new_class(&d, &conf_dev_class, NULL, &m->env, &err), -EINVAL);
	conf_class.queue_max = 8;
	mem = m->env.mem;
	m->env.mem = NULL;
	assert_int_equal(dev_new_class(&d, &conf_dev_class, NULL, &m->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "memory"));
	m->env.mem = mem;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(identity),
		machine_test(widths_and_offsets),
		machine_test(features_by_pages),
		machine_test(features_are_negotiated),
		machine_test(status_bits),
		machine_test(queue_sizes),
		machine_test(queue_ready_needs_all),
		machine_test(ready_queue_is_frozen),
		machine_test(status_zero_resets),
		machine_test(rng_fills_direct_and_chained),
		machine_test(rng_fills_indirect),
		machine_test(rng_completes_malformed_empty),
		machine_test(rng_is_bounded),
		machine_test(broken_queue_needs_reset),
		machine_test(notify_is_gated),
		machine_test(interrupts_are_suppressed),
		machine_test(full_queue_wants_the_next_kick),
		machine_test(rng_repeats),
		machine_test(saved_in_the_middle),
		machine_test(configuration_space),
		machine_test(needs_memory_and_sane_queues),
	};

	return cmocka_run_group_tests_name("virtio", tests, NULL, NULL);
}
