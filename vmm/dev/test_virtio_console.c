/* SPDX-License-Identifier: MIT */
/* virtio-console (virtio 1.2 section 5.3): data, control messages good and bad, what is in flight. */
#include "test_virtio.h"

#include <errno.h>
#include <stdlib.h>

#include <vmm/virtio_host.h>

#define QUEUES	   10
#define QUEUE_STEP 0x1000u
#define OUT	   0x40000u /* what the driver sends */
#define IN	   0x50000u /* a buffer of each queue for what it receives */
#define IN_STEP	   0x2000u
#define SIZE	   F_BIT(0)
#define MULTIPORT  F_BIT(1)
#define EMERG	   F_BIT(2)
#define RESET	   F_BIT(VIRTIO_F_RING_RESET)

enum { READY, ADD, REMOVE, PORT_READY, CONSOLE, RESIZE, OPEN, NAME };
enum { C_RX = 2, C_TX = 3 };

struct world {
	struct machine *m;
	struct dev *d;
	struct virtq_driver q[QUEUES];
	uint64_t features;
};

static unsigned rx(unsigned port)
{
	return port ? 2 * port + 2 : 0;
}

static void queue_up(struct world *w, unsigned n)
{
	assert_int_equal(
		virtq_driver_init(&w->q[n], w->m->env.mem, 16, RINGS + n * QUEUE_STEP, false), 0);
	tell_queue_n(w->m, n, &w->q[n]);
	wr(w->m, QUEUE_READY, 1);
	assert_int_equal(rd(w->m, QUEUE_READY), 1);
}

static void up(struct world *w, uint64_t features)
{
	w->features = features;
	accept_features(w->m, F_BIT(VIRTIO_F_VERSION_1) | features);
	assert_int_equal(rd(w->m, STATUS), ACK_DRIVER | VIRTIO_S_FEATURES_OK);
	for (unsigned n = 0; n < container_of(w->d, struct virtio, dev)->nr_queues; n++)
		queue_up(w, n);
	wr(w->m, STATUS, UP);
}

static void begin(struct world *w, void **state, const char *spec, uint64_t features)
{
	w->m = *state;
	w->d = machine_add(w->m, spec);
	up(w, features);
}

static void clear_trace(struct world *w)
{
	trace_clear(w->m->env.trace);
}

/* Was a guest error told since clear_trace()? */
static bool told_wrong(struct world *w)
{
	const struct trace_event *ev;

	for (unsigned i = 0; (ev = trace_last(w->m->env.trace, i)); i++)
		if (ev->kind == TRACE_DEV)
			return true;
	return false;
}

/* Buffers to the device or from it; what comes back is asked for by back(). */
static void post(struct world *w, unsigned n, const struct virtq_buf *b, unsigned nr)
{
	int head = virtq_driver_chain(&w->q[n], b, nr);

	assert_true(head >= 0);
	virtq_driver_offer(&w->q[n], (uint16_t)head);
	virtq_driver_publish(&w->q[n]);
	wr(w->m, QUEUE_NOTIFY, n);
}

static bool back(struct world *w, unsigned n, uint32_t *len)
{
	uint32_t id;

	return virtq_driver_used(&w->q[n], &id, len);
}

static void send(struct world *w, unsigned n, const void *p, uint32_t len)
{
	uint32_t used;

	assert_int_equal(gmem_write(w->m->env.mem, OUT, p, len), 0);
	post(w, n, &(struct virtq_buf){OUT, len, false}, 1);
	assert_true(back(w, n, &used));
	assert_int_equal(used, 0);
}

static void give(struct world *w, unsigned n, uint32_t len)
{
	post(w, n, &(struct virtq_buf){IN + n * IN_STEP, len, true}, 1);
}

/* What came into the one buffer that queue (n) has; "": nothing did. */
static const char *got(struct world *w, unsigned n)
{
	static char text[64];
	uint32_t len = 0;

	memset(text, 0, sizeof(text));
	if (back(w, n, &len)) {
		assert_true(len < sizeof(text));
		assert_int_equal(gmem_read(w->m->env.mem, IN + n * IN_STEP, text, len), 0);
	}
	return text;
}

static void control(struct world *w, uint32_t id, unsigned event, unsigned value)
{
	uint8_t m[8];

	st_le32(m, id);
	st_le16(m + 4, (uint16_t)event);
	st_le16(m + 6, (uint16_t)value);
	send(w, C_TX, m, sizeof(m));
}

/* The next control message is this one; (more) is what follows its 8 bytes. */
static void expect(struct world *w, uint32_t id, unsigned event, unsigned value, const void *more,
		   uint32_t more_len)
{
	uint8_t m[64];
	uint32_t len;

	give(w, C_RX, sizeof(m));
	assert_true(back(w, C_RX, &len));
	assert_int_equal(len, 8 + more_len);
	assert_int_equal(gmem_read(w->m->env.mem, IN + C_RX * IN_STEP, m, len), 0);
	assert_int_equal(ld_le32(m), id);
	assert_int_equal(ld_le16(m + 4), event);
	assert_int_equal(ld_le16(m + 6), value);
	if (more_len)
		assert_memory_equal(m + 8, more, more_len);
}

static void expect_nothing(struct world *w)
{
	uint32_t len;

	give(w, C_RX, 64);
	assert_false(back(w, C_RX, &len));
}

/* The driver takes that buffer back: a fresh queue. */
static void again(struct world *w, unsigned n)
{
	wr(w->m, QUEUE_SEL, n);
	wr(w->m, QUEUE_READY, 0);
	queue_up(w, n);
}

static void name_of(char *name, unsigned port)
{
	(void)snprintf(name, 24, "vise.port%u", port);
}

/* From DEVICE_READY to all ports that the device has, ready. */
static void shake_hands(struct world *w, unsigned ports)
{
	static const uint8_t size[] = {80, 0, 25, 0};
	char name[24];

	control(w, 0, READY, 1);
	for (unsigned i = 0; i < ports; i++)
		expect(w, i, ADD, 1, NULL, 0);
	for (unsigned i = 0; i < ports; i++) {
		name_of(name, i);
		control(w, i, PORT_READY, 1);
		if (!i)
			expect(w, i, CONSOLE, 1, NULL, 0);
		expect(w, i, NAME, 1, name, (uint32_t)strlen(name));
		if (!i && w->features & SIZE)
			expect(w, i, RESIZE, 1, size, sizeof(size));
		expect(w, i, OPEN, 1, NULL, 0);
	}
}

/* ---- data ------------------------------------------------------------------------------------------ */

static void one_port_sends_and_receives(void **state)
{
	struct world w;

	begin(&w, state, "virtio-console", 0);
	assert_int_equal(rd(w.m, DEVICE_ID), 3);
	/* It loops: input waits until there is a buffer, or the buffer for the input. */
	send(&w, 1, "hello", 5);
	assert_string_equal(buf_str(&w.m->chr[0].out), "hello");
	give(&w, 0, 3);
	assert_string_equal(got(&w, 0), "hel");
	give(&w, 0, 30);
	assert_string_equal(got(&w, 0), "lo");
	give(&w, 0, 30);
	assert_string_equal(got(&w, 0), "");
	wr(w.m, INTERRUPT_ACK, 1);
	send(&w, 1, "again", 5);
	assert_string_equal(got(&w, 0), "again");
	assert_int_equal(rd(w.m, INTERRUPT_STATUS), VIRTIO_INT_QUEUE);
	dev_free(w.d);
}

static void input_is_spread_over_buffers(void **state)
{
	const struct virtq_buf b[] = {{IN, 2, true}, {IN + 2, 0, true}, {IN + 2, 3, true}};
	struct world w;

	begin(&w, state, "virtio-console", 0);
	post(&w, 0, b, 3);
	give(&w, 0, 2);
	chr_feed(&w.m->chr[0], "abcdefghi", 9);
	assert_string_equal(got(&w, 0), "fgcde"); /* the second one lies over the first */
	assert_string_equal(got(&w, 0), "fg");
	assert_int_equal(chr_pending(&w.m->chr[0]), 2);
	dev_free(w.d);
}

static void input_waits_for_the_driver(void **state)
{
	struct world w;

	w.m = *state;
	w.d = machine_add(w.m, "virtio-console");
	chr_feed(&w.m->chr[0], "early", 5);
	up(&w, 0);
	assert_int_equal(chr_pending(&w.m->chr[0]), 5);
	give(&w, 0, 30);
	assert_string_equal(got(&w, 0), "early");
	/* A transport that stopped it, a reset. */
	give(&w, 0, 30);
	virtio_stop(container_of(w.d, struct virtio, dev), true);
	chr_feed(&w.m->chr[0], "later", 5);
	assert_string_equal(got(&w, 0), "");
	wr(w.m, STATUS, 0);
	chr_feed(&w.m->chr[0], "!", 1);
	assert_int_equal(chr_pending(&w.m->chr[0]), 6);
	dev_free(w.d);
}

static void what_a_driver_must_not_send_is_bounded(void **state)
{
	const struct virtq_buf mixed[] = {{OUT, 2, false}, {IN, 9, true}};
	const struct virtq_buf readable[] = {{OUT, 2, false}, {IN, 9, true}};
	const struct virtq_buf nowhere = {0x40000000, 9, false};
	struct virtq_buf big[3];
	struct world w;
	uint32_t len;

	begin(&w, state, "virtio-console", 0);
	assert_int_equal(gmem_write(w.m->env.mem, OUT, "ab", 2), 0);
	clear_trace(&w);
	post(&w, 1, mixed, 2);
	assert_true(back(&w, 1, &len));
	assert_int_equal(len, 0);
	assert_true(told_wrong(&w));
	assert_string_equal(buf_str(&w.m->chr[0].out), "ab");
	/* Readable ones in the receive queue do not count. */
	clear_trace(&w);
	post(&w, 0, readable, 2);
	assert_true(back(&w, 0, &len));
	assert_int_equal(len, 2);
	assert_true(told_wrong(&w));
	/* Nothing to write to; not in RAM. */
	chr_feed(&w.m->chr[0], "x", 1);
	post(&w, 0, &(struct virtq_buf){OUT, 2, false}, 1);
	assert_true(back(&w, 0, &len));
	assert_int_equal(len, 0);
	assert_int_equal(chr_pending(&w.m->chr[0]), 1);
	clear_trace(&w);
	post(&w, 1, &nowhere, 1);
	assert_true(back(&w, 1, &len));
	assert_int_equal(len, 0);
	assert_true(told_wrong(&w));
	/* More than a chain may send: the first megabyte counts. */
	for (unsigned i = 0; i < 3; i++)
		big[i] = (struct virtq_buf){0, 0x80000, false};
	clear_trace(&w);
	post(&w, 1, big, 3);
	assert_true(back(&w, 1, &len));
	assert_true(told_wrong(&w));
	assert_int_equal(w.m->chr[0].written, 2 + (1 << 20));
	/* Without MULTIPORT there are two queues. */
	clear_trace(&w);
	wr(w.m, QUEUE_NOTIFY, 2);
	assert_true(told_wrong(&w));
	dev_free(w.d);
}

static void queues_of_multiport_need_it(void **state)
{
	struct world w;

	begin(&w, state, "virtio-console,ports=2", 0);
	clear_trace(&w);
	give(&w, C_RX, 64);
	assert_true(told_wrong(&w));
	clear_trace(&w);
	wr(w.m, QUEUE_NOTIFY, 5);
	assert_true(told_wrong(&w));
	send(&w, C_TX, "12345678", 8); /* comes back, and that is all */
	send(&w, 5, "x", 1);
	assert_int_equal(w.m->chr[1].written, 0);
	/* Port 0 is as without it. */
	send(&w, 1, "x", 1);
	give(&w, 0, 8);
	assert_string_equal(got(&w, 0), "x");
	dev_free(w.d);
}

/* ---- configuration --------------------------------------------------------------------------------- */

static void configuration_is_told(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-console,ports=4,cols=132,rows=43");

	assert_int_equal(mmio_r(m, BASE + 0x100, 2), 132);
	assert_int_equal(mmio_r(m, BASE + 0x102, 2), 43);
	assert_int_equal(mmio_r(m, BASE + 0x104, 4), 4);
	assert_int_equal(mmio_r(m, BASE + 0x108, 4), 0);
	wr(m, DEVICE_FEATURES_SEL, 0);
	assert_int_equal(rd(m, DEVICE_FEATURES) & 7, SIZE | MULTIPORT | EMERG);
	/* A letter before anything is set up; elsewhere nothing is the driver's. */
	mmio_w(m, BASE + 0x108, 4, 'E');
	mmio_w(m, BASE + 0x108, 1, 'm');
	assert_string_equal(buf_str(&m->chr[0].out), "Em");
	trace_clear(m->env.trace);
	mmio_w(m, BASE + 0x100, 2, 7);
	assert_non_null(trace_last(m->env.trace, 0));
	mmio_w(m, BASE + 0x109, 1, 'x');
	assert_int_equal(mmio_r(m, BASE + 0x100, 2), 132);
	assert_string_equal(buf_str(&m->chr[0].out), "Em");
	dev_free(d);
	d = machine_add(m, "virtio-console");
	assert_int_equal(rd(m, DEVICE_FEATURES) & 7, SIZE | EMERG);
	dev_free(d);
	d = machine_add(m, "virtio-console,multiport=1");
	assert_int_equal(rd(m, DEVICE_FEATURES) & 7, SIZE | MULTIPORT | EMERG);
	dev_free(d);
}

static void it_needs_its_back_ends(void **state)
{
	struct machine *m = *state;
	struct err err;
	struct dev *d;

	assert_int_equal(dev_new(&d, "virtio-console,chr=1,ports=4", &m->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no chr 4 for port 3"));
	assert_int_equal(dev_new(&d, "virtio-console,ports=5", &m->env, &err), -EINVAL);
	assert_null(m->chr[1].wake); /* nothing is left of the first try */
	d = machine_add(m, "virtio-console,chr=3");
	assert_non_null(m->chr[3].wake);
	dev_free(d);
	assert_null(m->chr[3].wake);
}

static void a_new_size_is_told(void **state)
{
	static const uint8_t size[] = {100, 0, 50, 0};
	struct world w;
	uint64_t generation;

	begin(&w, state, "virtio-console,ports=2", MULTIPORT | SIZE);
	shake_hands(&w, 2);
	generation = rd(w.m, CONFIG_GENERATION);
	assert_int_equal(console_resize(w.d, 100, 50), 0);
	assert_int_not_equal(rd(w.m, CONFIG_GENERATION), generation);
	assert_true(rd(w.m, INTERRUPT_STATUS) & VIRTIO_INT_CONFIG);
	assert_int_equal(mmio_r(w.m, BASE + 0x100, 2), 100);
	expect(&w, 0, RESIZE, 1, size, sizeof(size)); /* of the console, not of port 1 */
	expect_nothing(&w);
	/* A reset gives the old one back; who did not take SIZE is not told. */
	wr(w.m, STATUS, 0);
	assert_int_equal(mmio_r(w.m, BASE + 0x100, 2), 80);
	up(&w, MULTIPORT);
	shake_hands(&w, 2);
	assert_int_equal(console_resize(w.d, 100, 50), -EINVAL);
	assert_int_equal(mmio_r(w.m, BASE + 0x102, 2), 50);
	expect_nothing(&w);
	dev_free(w.d);
}

/* ---- control --------------------------------------------------------------------------------------- */

static void ports_are_announced(void **state)
{
	struct world w;

	begin(&w, state, "virtio-console,ports=4", MULTIPORT | SIZE);
	expect_nothing(&w); /* before DEVICE_READY */
	again(&w, C_RX);
	shake_hands(&w, 4);
	expect_nothing(&w);
	again(&w, C_RX);
	/* Ready again: all is said again. */
	shake_hands(&w, 4);
	/* Not ready: nothing is. */
	control(&w, 0, PORT_READY, 0);
	control(&w, 1, PORT_READY, 0);
	control(&w, 1, READY, 0);
	expect_nothing(&w);
	dev_free(w.d);
}

static void each_port_has_its_data(void **state)
{
	struct world w;
	char text[8];

	begin(&w, state, "virtio-console,ports=4", MULTIPORT);
	shake_hands(&w, 4);
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(text, sizeof(text), "port%u", i);
		send(&w, rx(i) + 1, text, 5);
		assert_string_equal(buf_str(&w.m->chr[i].out), text);
		give(&w, rx(i), 30);
		/* Only an open port gets input; a console is one. */
		assert_string_equal(got(&w, rx(i)), i ? "" : text);
		control(&w, i, OPEN, 1);
		assert_string_equal(got(&w, rx(i)), i ? text : "");
		control(&w, i, OPEN, 0);
		give(&w, rx(i), 30);
		chr_feed(&w.m->chr[i], "more", 4);
		assert_string_equal(got(&w, rx(i)), i ? "" : "more");
	}
	dev_free(w.d);
}

static void the_other_end_goes_away(void **state)
{
	struct world w;

	begin(&w, state, "virtio-console,ports=2", MULTIPORT);
	shake_hands(&w, 2);
	chr_hang_up(&w.m->chr[1]);
	expect(&w, 1, OPEN, 0, NULL, 0);
	expect_nothing(&w);
	again(&w, C_RX);
	/* Gone before the port is ready: it was never open. */
	control(&w, 1, PORT_READY, 1);
	expect(&w, 1, NAME, 1, "vise.port1", 10);
	expect_nothing(&w);
	/* Of a port that is not ready nothing is said. */
	chr_hang_up(&w.m->chr[0]);
	dev_free(w.d);
}

static void ports_come_and_go(void **state)
{
	struct world w;

	begin(&w, state, "virtio-console,ports=2", MULTIPORT);
	assert_int_equal(console_plug(w.d, 2, false), -EINVAL);
	shake_hands(&w, 2);
	control(&w, 1, OPEN, 1);
	assert_int_equal(console_plug(w.d, 1, false), 0);
	expect(&w, 1, REMOVE, 1, NULL, 0);
	clear_trace(&w);
	control(&w, 1, OPEN, 1); /* it was told that there is none */
	assert_true(told_wrong(&w));
	give(&w, 4, 30);
	chr_feed(&w.m->chr[1], "x", 1);
	assert_string_equal(got(&w, 4), "");
	assert_int_equal(console_plug(w.d, 1, true), 0);
	expect(&w, 1, ADD, 1, NULL, 0);
	control(&w, 1, PORT_READY, 1);
	expect(&w, 1, NAME, 1, "vise.port1", 10);
	expect(&w, 1, OPEN, 1, NULL, 0);
	control(&w, 1, OPEN, 1);
	assert_string_equal(got(&w, 4), "x");
	/* Gone and back before the driver could hear of it: nothing happened. */
	assert_int_equal(console_plug(w.d, 1, false), 0);
	assert_int_equal(console_plug(w.d, 1, true), 0);
	expect_nothing(&w);
	dev_free(w.d);
	begin(&w, state, "virtio-console,ports=2", 0);
	assert_int_equal(console_plug(w.d, 1, false), -EINVAL);
	dev_free(w.d);
}

static void wrong_messages_change_nothing(void **state)
{
	static const struct {
		uint32_t id;
		unsigned event;
	} wrong[] = {{2, PORT_READY}, {2, OPEN},   {0xffffffff, OPEN}, {0, ADD}, {0, REMOVE},
		     {0, CONSOLE},    {0, RESIZE}, {0, NAME},	       {0, 8},	 {0, 0xffff}};
	struct world w;
	uint64_t hash;
	uint32_t len;

	begin(&w, state, "virtio-console,ports=2", MULTIPORT);
	for (unsigned i = 1; i < 8; i++) { /* before DEVICE_READY */
		clear_trace(&w);
		control(&w, 0, i, 1);
		assert_true(told_wrong(&w));
	}
	expect_nothing(&w);
	again(&w, C_RX);
	shake_hands(&w, 2);
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		clear_trace(&w);
		control(&w, wrong[i].id, wrong[i].event, 1);
		assert_true(told_wrong(&w));
	}
	/* Too short, with room behind, malformed. */
	for (unsigned i = 0; i < 8; i++) {
		const struct virtq_buf b[] = {{OUT, i, false}, {IN, 8, true}};

		clear_trace(&w);
		post(&w, C_TX, b, 2);
		assert_true(back(&w, C_TX, &len));
		assert_int_equal(len, 0);
		assert_true(told_wrong(&w));
	}
	hash = dev_hash(w.d, 0);
	wr(w.m, QUEUE_NOTIFY, C_TX);
	assert_int_equal(dev_hash(w.d, 0), hash);
	expect_nothing(&w);
	assert_int_equal(rd(w.m, STATUS), UP);
	dev_free(w.d);
}

static void messages_wait_for_room(void **state)
{
	struct world w;
	uint32_t len;

	begin(&w, state, "virtio-console,ports=2", MULTIPORT);
	control(&w, 0, READY, 1);
	clear_trace(&w);
	give(&w, C_RX, 7);
	assert_true(back(&w, C_RX, &len));
	assert_int_equal(len, 0);
	assert_true(told_wrong(&w));
	expect(&w, 0, ADD, 1, NULL, 0);
	expect(&w, 1, ADD, 1, NULL, 0);
	/* The other way round: buffers first, and a burst of what is asked for is no burst of answers. */
	give(&w, C_RX, 8);
	for (unsigned i = 0; i < 100; i++)
		control(&w, 1, PORT_READY, 1);
	assert_true(back(&w, C_RX, &len)); /* too small for the name */
	assert_int_equal(len, 0);
	expect(&w, 1, NAME, 1, "vise.port1", 10);
	expect(&w, 1, OPEN, 1, NULL, 0);
	expect_nothing(&w);
	dev_free(w.d);
}

/* ---- in flight ------------------------------------------------------------------------------------- */

static void sent_buffers_come_back_late(void **state)
{
	struct world w;
	struct buf saved = {0};
	struct dev *other;
	uint32_t len;
	size_t used;

	begin(&w, state, "virtio-console,delay=1000", RESET);
	for (unsigned how = 0; how < 4; how++) {
		wr(w.m, STATUS, 0);
		up(&w, RESET);
		assert_int_equal(gmem_write(w.m->env.mem, OUT, "x", 1), 0);
		post(&w, 1, &(struct virtq_buf){OUT, 1, false}, 1);
		assert_false(back(&w, 1, &len));
		if (how == 1) { /* the device is reset */
			wr(w.m, STATUS, 0);
			up(&w, RESET);
		} else if (how == 2) { /* the queue is */
			wr(w.m, QUEUE_SEL, 1);
			wr(w.m, QUEUE_RESET, 1);
			queue_up(&w, 1);
		} else if (how == 3) { /* it is taken away */
			again(&w, 1);
		}
		assert_int_equal(clock_advance(&w.m->clock, 2000), 0);
		assert_true(back(&w, 1, &len) == (how == 0));
	}
	/* Saved in between, it comes back in the machine that is loaded. */
	post(&w, 1, &(struct virtq_buf){OUT, 1, false}, 1);
	assert_int_equal(dev_save(w.d, &saved), 0);
	dev_free(w.d);
	other = machine_add(w.m, "virtio-console,delay=1000");
	assert_int_equal(dev_load(other, saved.p, saved.len, &used, NULL), 0);
	assert_int_equal(clock_advance(&w.m->clock, 2000), 0);
	assert_true(back(&w, 1, &len));
	buf_free(&saved);
	dev_free(other);
}

/* Through every step of the handshake: saved and loaded, it goes on as if nothing had been. */
static void state_goes_to_another_one(void **state)
{
	struct buf a = {0}, b = {0};
	struct world w;
	size_t used;

	begin(&w, state, "virtio-console,ports=4", MULTIPORT);
	control(&w, 0, READY, 1);
	expect(&w, 0, ADD, 1, NULL, 0);
	control(&w, 0, PORT_READY, 1);
	expect(&w, 0, CONSOLE, 1, NULL, 0);
	assert_int_equal(dev_save(w.d, &a), 0);
	dev_free(w.d);
	w.d = machine_add(w.m, "virtio-console,ports=4");
	assert_int_equal(dev_load(w.d, a.p, a.len, &used, NULL), 0);
	assert_int_equal(dev_save(w.d, &b), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.p, b.p, a.len);
	expect(&w, 0, NAME, 1, "vise.port0", 10);
	expect(&w, 0, OPEN, 1, NULL, 0);
	expect(&w, 1, ADD, 1, NULL, 0);
	buf_free(&a);
	buf_free(&b);
	dev_free(w.d);
}

static size_t find_field(const struct buf *b, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n < b->len; i++)
		if (!memcmp(b->p + i, name, n) && ld_le16(b->p + i - 2) == n)
			return i + n + 10; /* kind, 0, size, count */
	fail_msg("no field %s", name);
	return 0;
}

static void impossible_state_is_refused(void **state)
{
	/* A port of two that is not there; told, ready, open, owed without the step before. */
	static const struct {
		const char *field;
		unsigned at, val;
	} bad[] = {{"there", 2, 1}, {"told", 0, 1}, {"ready", 0, 1},
		   {"open", 0, 1},  {"owe", 0, 1},  {"owe", 1, 0x10}};
	struct machine *m = *state;
	struct buf b = {0};
	struct err err;
	struct dev *d = machine_add(m, "virtio-console,ports=2");
	size_t used;

	assert_int_equal(dev_save(d, &b), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		char *p = b.p + find_field(&b, bad[i].field) + bad[i].at, old = *p;

		*p = (char)bad[i].val;
		assert_int_equal(dev_load(d, b.p, b.len, &used, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "no possible state"));
		*p = old;
	}
	assert_int_equal(dev_load(d, b.p, b.len, &used, &err), 0);
	buf_free(&b);
	dev_free(d);
}

static void a_short_transfer_is_no_loss(void **state)
{
	struct world w;
	unsigned n = 0;

	begin(&w, state, "virtio-console,short=2", 0);
	chr_feed(&w.m->chr[0], "0123456789", 10);
	for (unsigned i = 0; i < 10 && n < 10; i++) {
		const char *text;

		give(&w, 0, 4);
		text = got(&w, 0);
		for (; *text; text++)
			assert_int_equal(*text, '0' + (int)n++);
	}
	assert_int_equal(n, 10);
	dev_free(w.d);
}

static void a_broken_queue_is_told(void **state)
{
	uint8_t idx[2];
	struct world w = {0};

	begin(&w, state, "virtio-console", 0);
	/* avail.idx runs away while the device works by itself. */
	st_le16(idx, 1000);
	assert_int_equal(gmem_write(w.m->env.mem, w.q[0].avail + 2, idx, sizeof(idx)), 0);
	chr_feed(&w.m->chr[0], "x", 1);
	assert_true(rd(w.m, STATUS) & VIRTIO_S_NEEDS_RESET);
	chr_feed(&w.m->chr[0], "y", 1);
	assert_int_equal(chr_pending(&w.m->chr[0]), 2);
	dev_free(w.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(one_port_sends_and_receives),
		machine_test(input_is_spread_over_buffers),
		machine_test(input_waits_for_the_driver),
		machine_test(what_a_driver_must_not_send_is_bounded),
		machine_test(queues_of_multiport_need_it),
		machine_test(configuration_is_told),
		machine_test(it_needs_its_back_ends),
		machine_test(a_new_size_is_told),
		machine_test(ports_are_announced),
		machine_test(each_port_has_its_data),
		machine_test(the_other_end_goes_away),
		machine_test(ports_come_and_go),
		machine_test(wrong_messages_change_nothing),
		machine_test(messages_wait_for_room),
		machine_test(sent_buffers_come_back_late),
		machine_test(state_goes_to_another_one),
		machine_test(impossible_state_is_refused),
		machine_test(a_short_transfer_is_no_loss),
		machine_test(a_broken_queue_is_told),
	};

	return cmocka_run_group_tests_name("virtio_console", tests, NULL, NULL);
}
