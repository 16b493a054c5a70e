/* SPDX-License-Identifier: MIT */
/*
 * Queues of virtio devices as the transport sees them: reset of one (virtio 1.2 section 2.6.1), set-up in
 * any order, sizes, NOTIFICATION_DATA; another transport; and a device that reaches itself.
 */
#include "test_virtio.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define F_DATA	   F_BIT(VIRTIO_F_NOTIFICATION_DATA)
#define ANOTHER	   0x20000u /* another place for rings */
#define HEADER	   0x28000u
#define BLK_STATUS 0x29000u

/* ---- one queue's reset and set-up ------------------------------------------------------------------ */

static void reset_of_one_queue(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_RESET, 16);
	put_bufs(&q, 3, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 3);
	assert_int_equal(rd(m, QUEUE_RESET), 0);
	wr(m, QUEUE_RESET, 1);
	assert_int_equal(rd(m, QUEUE_RESET), 0);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	assert_int_equal(rd(m, STATUS), UP);
	/* All of it is as at first, and what is on offer is left alone. */
	assert_int_equal(virtio(d)->q[0].num, 256);
	assert_int_equal(virtio(d)->q[0].last_avail, 0);
	assert_true(virtio(d)->q[0].desc == 0 && virtio(d)->q[0].avail == 0);
	put_bufs(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_true(last_is_guest_error(m));
	assert_int_equal(count_used(&q), 0);
	/* Again, with another size at another place. */
	assert_int_equal(virtq_driver_init(&q, m->env.mem, 4, ANOTHER, true), 0);
	tell_queue(m, &q);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	put_bufs(&q, 4, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 4);
	dev_free(d);
}

static void reset_that_was_not_agreed_on(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	wr(m, QUEUE_RESET, 1); /* before any features */
	assert_true(last_is_guest_error(m));
	bring_up(m, &q, F_ALL, 16);
	wr(m, QUEUE_RESET, 1);
	assert_true(last_is_guest_error(m));
	assert_int_equal(rd(m, QUEUE_READY), 1);
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL | F_RESET, 16);
	for (uint32_t v = 2; v; v <<= 1) {
		wr(m, QUEUE_RESET, v);
		assert_true(last_is_guest_error(m));
	}
	wr(m, QUEUE_RESET, 0);
	wr(m, QUEUE_SEL, 1); /* is not there */
	wr(m, QUEUE_RESET, 1);
	assert_true(last_is_guest_error(m));
	assert_int_equal(rd(m, QUEUE_RESET), 0);
	wr(m, QUEUE_SEL, 0);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	put_bufs(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 1);
	dev_free(d);
}

/* A broken queue is mended by its reset; the device still needs its own (2.1.2). */
static void reset_of_a_broken_queue(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_RESET, 16);
	q.offer_idx = 100;
	virtq_driver_publish(&q);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
	wr(m, QUEUE_RESET, 1);
	assert_int_equal(virtio(d)->q[0].broken, VIRTQ_OK);
	assert_int_equal(rd(m, STATUS), UP | VIRTIO_S_NEEDS_RESET);
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL, 16);
	dev_free(d);
}

/* Queues of one device, made ready, stopped and reset in any order, before DRIVER_OK and after. */
static void any_order(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-blk,queues=4");
	static const uint8_t order[][4] = {{3, 1, 0, 2}, {0, 1, 2, 3}, {2, 0, 3, 1}};
	struct virtq_driver q[4];
	struct virtq_buf b[] = {{HEADER, 16, false}, {BLK_STATUS, 1, true}};
	uint8_t header[16] = {8}; /* VIRTIO_BLK_T_GET_ID */

	assert_int_equal(gmem_write(m->env.mem, HEADER, header, 16), 0);
	for (unsigned t = 0; t < ARRAY_SIZE(order); t++) {
		wr(m, STATUS, 0);
		accept_features(m, F_ALL | F_RESET | F_BIT(12));
		for (unsigned i = 0; i < 4; i++) {
			unsigned k = order[t][i];

			assert_int_equal(virtq_driver_init(&q[k], m->env.mem, 4u << k,
							   RINGS + 0x2000 * k, true),
					 0);
			if (i == 2)
				wr(m, STATUS, UP);
			tell_queue_n(m, k, &q[k]);
			wr(m, QUEUE_READY, 1);
			assert_int_equal(rd(m, QUEUE_READY), 1);
		}
		for (unsigned i = 0; i < 4; i++) {
			unsigned k = order[t][3 - i];

			for (unsigned o = 0; o < 4; o++) {
				bool alive = virtio(d)->q[o].ready;
				uint16_t head = (uint16_t)virtq_driver_chain(&q[o], b, 2);

				virtq_driver_offer(&q[o], head);
				virtq_driver_publish(&q[o]);
				wr(m, QUEUE_NOTIFY, o);
				assert_int_equal(count_used(&q[o]), alive);
			}
			wr(m, QUEUE_SEL, k);
			if (i & 1)
				wr(m, QUEUE_READY, 0);
			else
				wr(m, QUEUE_RESET, 1);
			assert_int_equal(rd(m, QUEUE_READY), 0);
		}
		assert_int_equal(rd(m, STATUS), UP);
	}
	dev_free(d);
}

/* ---- sizes ------------------------------------------------------------------------------------------ */

static void sizes(void **state)
{
	struct machine *m = *state;
	struct virtq_pdriver *p = calloc(1, sizeof(*p));
	struct err err = {0};
	struct dev *d;

	assert_non_null(p);
	for (uint32_t n = 1; n <= 16384; n *= 4) {
		char spec[64];
		struct virtq_driver q;
		uint32_t len;
		uint16_t id;

		(void)snprintf(spec, sizeof(spec), "virtio-rng,queue_max=%u,packed=1", n);
		d = machine_add(m, spec);
		assert_int_equal(rd(m, QUEUE_NUM_MAX), n);
		bring_up(m, &q, F_ALL, n);
		for (unsigned i = 0; i < 3; i++) {
			struct virtq_buf b = {0xf0000, 1, true};

			for (uint32_t k = 0; k < n; k++)
				virtq_driver_offer(&q, (uint16_t)virtq_driver_chain(&q, &b, 1));
			virtq_driver_publish(&q);
			wr(m, QUEUE_NOTIFY, 0);
			assert_int_equal(count_used(&q), n);
		}
		wr(m, STATUS, 0);
		bring_up_packed(m, p, F_ALL, n);
		for (unsigned i = 0; i < 3; i++) {
			struct virtq_buf b = {0xf0000, 1, true};

			for (uint32_t k = 0; k < n; k++)
				assert_int_equal(virtq_pdriver_put(p, &b, 1, (uint16_t)k), 0);
			wr(m, QUEUE_NOTIFY, 0);
			for (uint32_t k = 0; k < n; k++)
				assert_true(virtq_pdriver_used(p, &id, &len));
			assert_false(virtq_pdriver_used(p, &id, &len));
		}
		dev_free(d);
	}
	assert_int_equal(dev_new(&d, "virtio-rng,queue_max=3", &m->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "power of two"));
	assert_int_equal(dev_new(&d, "virtio-rng,queue_max=65536", &m->env, &err), -EINVAL);
	/* What a driver may give in one request is what is left of a queue. */
	d = machine_add(m, "virtio-blk,queue_max=16");
	assert_int_equal(mmio_r(m, BASE + VIRTIO_MMIO_CONFIG + 12, 4), 14);
	dev_free(d);
	free(p);
}

/* ---- notification data ------------------------------------------------------------------------------ */

static void notification_data(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,notify_data=1,packed=1");
	struct virtq_pdriver *p = calloc(1, sizeof(*p));
	static const uint16_t wrong[] = {0, 2, 0x8001, 0xffff};
	struct virtq_buf b = {BUFS, 8, true};
	struct virtq_driver q;
	uint32_t len;
	uint16_t id;

	assert_non_null(p);
	bring_up(m, &q, F_ALL | F_DATA, 16);
	put_bufs(&q, 1, 8);
	trace_clear(m->env.trace);
	wr(m, QUEUE_NOTIFY, 1u << 16);
	assert_false(last_is_guest_error(m));
	assert_int_equal(count_used(&q), 1);
	wr(m, QUEUE_NOTIFY, 1u << 16); /* once more, nothing new */
	assert_false(last_is_guest_error(m));
	/* Wrong: told, and served all the same. */
	for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
		put_bufs(&q, 1, 8);
		trace_clear(m->env.trace);
		wr(m, QUEUE_NOTIFY, (uint32_t)(wrong[i] + i + (i ? 1 : 0)) << 16);
		assert_int_equal(count_used(&q), 1);
	}
	assert_int_equal(rd(m, STATUS), UP);
	trace_clear(m->env.trace);
	wr(m, QUEUE_NOTIFY, 1); /* no such queue, whatever is on top */
	assert_true(last_is_guest_error(m));
	wr(m, QUEUE_NOTIFY, 0xffffffff);
	assert_true(last_is_guest_error(m));

	/* Not negotiated: all 32 bits are the queue. */
	wr(m, STATUS, 0);
	bring_up(m, &q, F_ALL, 16);
	put_bufs(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 1u << 16);
	assert_int_equal(count_used(&q), 0);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 1);

	wr(m, STATUS, 0);
	bring_up_packed(m, p, F_ALL | F_DATA, 3);
	for (unsigned i = 0; i < 10; i++) {
		uint32_t at;

		assert_int_equal(virtq_pdriver_put(p, &b, 1, 7), 0);
		at = p->next | (p->wrap ? VIRTQ_EVENT_WRAP : 0);
		trace_clear(m->env.trace);
		wr(m, QUEUE_NOTIFY, at << 16);
		assert_false(last_is_guest_error(m));
		assert_true(virtq_pdriver_used(p, &id, &len));
		wr(m, QUEUE_NOTIFY, (at ^ VIRTQ_EVENT_WRAP) << 16);
		assert_true(last_is_guest_error(m));
		assert_int_equal(rd(m, STATUS), UP);
	}
	free(p);
	dev_free(d);
}

/* The guest error is there for each wrong value, before the doorbell is answered. */
static void wrong_notification_data_is_told(void **state)
{
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng,notify_data=1");
	struct virtq_driver q;

	bring_up(m, &q, F_ALL | F_DATA, 16);
	for (uint32_t data = 1; data < 0x10000; data = data * 2 + 1) {
		trace_clear(m->env.trace);
		wr(m, QUEUE_NOTIFY, data << 16);
		assert_true(last_is_guest_error(m));
	}
	dev_free(d);
}

/* ---- another transport ------------------------------------------------------------------------------------ */

struct ears {
	bool takes;
	unsigned messages, resets;
	uint32_t last;
};

static bool on_message(void *ctx, uint32_t queue)
{
	struct ears *e = ctx;

	e->messages++;
	e->last = queue;
	return e->takes;
}

static void on_reset(void *ctx)
{
	((struct ears *)ctx)->resets++;
}

static void told_by_a_transport(void **state)
{
	static const struct virtio_transport transport = {.message = on_message, .reset = on_reset};
	struct machine *m = *state;
	struct dev *d = machine_add(m, "virtio-rng");
	struct ears e = {.takes = true};
	struct virtq_driver q;

	virtio_set_transport(virtio(d), &transport, &e);
	bring_up(m, &q, F_ALL, 16);
	put_bufs(&q, 1, 8);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(e.messages, 1);
	assert_int_equal(e.last, 0);
	assert_int_equal(m->lines, 0);
	assert_int_equal(rd(m, INTERRUPT_STATUS), 0);
	virtio_config_changed(virtio(d));
	assert_int_equal(e.messages, 2);
	assert_true(e.last == VIRTIO_CONFIG_CHANGED);
	assert_int_equal(rd(m, CONFIG_GENERATION), 1);
	/* What it does not take goes the usual way. */
	e.takes = false;
	virtio_config_changed(virtio(d));
	assert_int_equal(rd(m, INTERRUPT_STATUS), VIRTIO_INT_CONFIG);
	assert_int_equal(m->lines, LINE);
	wr(m, INTERRUPT_ACK, 4); /* none of the two */
	assert_true(last_is_guest_error(m));
	assert_int_equal(m->lines, LINE);
	wr(m, INTERRUPT_ACK, VIRTIO_INT_CONFIG);
	assert_int_equal(m->lines, 0);
	wr(m, STATUS, 0);
	assert_int_equal(e.resets, 1);
	/* A driver that is not up is not told: it reads the configuration anyway (3.1.1). */
	virtio_config_changed(virtio(d));
	assert_int_equal(rd(m, CONFIG_GENERATION), 1);
	assert_int_equal(m->lines, 0);
	/* RAM is taken away for a while: doorbells are refused. */
	bring_up(m, &q, F_ALL, 16);
	put_bufs(&q, 1, 8);
	virtio_stop(virtio(d), true);
	wr(m, QUEUE_NOTIFY, 0);
	assert_true(last_is_guest_error(m));
	assert_int_equal(count_used(&q), 0);
	virtio_stop(virtio(d), false);
	wr(m, QUEUE_NOTIFY, 0);
	assert_int_equal(count_used(&q), 1);
	dev_free(d);
}

/* ---- a device that reaches itself ------------------------------------------------------------------------ */

struct loop {
	struct virtio v;
	unsigned how;
};

static void loop_notify(struct virtio *v, unsigned queue)
{
	struct loop *l = container_of(v, struct loop, v);

	if (l->how == 0)
		virtio_notify(v, queue);
	else if (l->how == 1)
		dev_write(&v->dev, 0, VIRTIO_MMIO_QUEUE_NOTIFY, 4, queue);
	else if (l->how == 2)
		(void)dev_read(&v->dev, 0, VIRTIO_MMIO_STATUS, 4);
	else
		(void)bus_write(v->dev.bus, BUS_MMIO, BASE + VIRTIO_MMIO_QUEUE_SEL, 4, 0);
}

static const struct virtio_class loop_class = {
	.device_id = 42, .nr_queues = 1, .queue_max = 8, .notify = loop_notify};

static int loop_init(struct dev *d, struct err *err)
{
	return virtio_init(d, &loop_class, err);
}

static const struct dev_range loop_ranges[] = {{"regs", BUS_MMIO, BASE, VIRTIO_MMIO_LEN}, {0}};
static const struct state_field loop_state[] = {VIRTIO_STATE_FIELDS, STATE_END};
static const struct dev_class loop_dev = {
	.name = "loop",
	.size = sizeof(struct loop),
	.version = 1,
	.ranges = loop_ranges,
	.state = loop_state,
	.init = loop_init,
	.reset = virtio_reset,
	VIRTIO_MMIO_CLASS_HOOKS,
};

static void re_entry_is_caught(void **state)
{
	struct machine *m = *state;
	struct virtq_driver q;
	struct dev *d;

	assert_int_equal(dev_new_class(&d, &loop_dev, NULL, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	bring_up(m, &q, F_ALL, 8);
	for (unsigned how = 0; how < 4; how++) {
		char said[512] = {0};
		int fd[2], status;
		pid_t pid;

		container_of(d, struct loop, v.dev)->how = how;
		assert_int_equal(pipe(fd), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			(void)signal(SIGABRT, SIG_DFL);
			(void)dup2(fd[1], STDERR_FILENO);
			wr(m, QUEUE_NOTIFY, 0);
			_exit(0);
		}
		(void)close(fd[1]);
		assert_true(read(fd[0], said, sizeof(said) - 1) > 0);
		(void)close(fd[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		assert_non_null(strstr(said, how == 3 ? "depth" : "re-entered"));
	}
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(reset_of_one_queue),
		machine_test(reset_that_was_not_agreed_on),
		machine_test(reset_of_a_broken_queue),
		machine_test(any_order),
		machine_test(sizes),
		machine_test(notification_data),
		machine_test(wrong_notification_data_is_told),
		machine_test(told_by_a_transport),
		machine_test(re_entry_is_caught),
	};

	return cmocka_run_group_tests_name("virtio queues", tests, NULL, NULL);
}
