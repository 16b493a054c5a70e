/* SPDX-License-Identifier: MIT */
/*
 * In-order use (virtio 1.2 sections 2.7.9 and 2.8.8) and its batches, notification data (2.9), and
 * queues of every size with indices that go round at 65536.
 */
#include "test_priv.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct virtq_pdriver d;

#define BUF RAM_C /* the rings of the biggest queue reach beyond DATA */

static void begin(struct rig *r, bool packed, uint32_t num, bool event_idx)
{
	virtq_reset(&r->q);
	if (packed) {
		assert_int_equal(virtq_pdriver_init(&d, r->mem, num, RINGS, event_idx), 0);
		virtq_pdriver_attach(&d, &r->q);
	} else {
		assert_int_equal(virtq_driver_init(&r->d, r->mem, num, RINGS, event_idx), 0);
		virtq_driver_attach(&r->d, &r->q);
	}
	r->q.indirect = true;
	r->q.in_order = true;
	assert_int_equal(virtq_enable(&r->q, NULL), 0);
	virtq_kick_begin(&r->q);
}

/* Offer one buffer of (len) bytes to write; on the packed ring its ID is (id). */
static uint16_t offer(struct rig *r, uint16_t id, uint32_t len)
{
	struct virtq_buf b = {BUF, len, true};
	int head;

	if (r->q.packed) {
		assert_int_equal(virtq_pdriver_put(&d, &b, 1, id), 0);
		return id;
	}
	head = virtq_driver_chain(&r->d, &b, 1);
	assert_true(head >= 0);
	virtq_driver_offer(&r->d, (uint16_t)head);
	virtq_driver_publish(&r->d);
	return (uint16_t)head;
}

static bool used(struct rig *r, uint32_t *id, uint32_t *len)
{
	uint16_t id16;
	bool yes;

	if (!r->q.packed)
		return virtq_driver_used(&r->d, id, len);
	yes = virtq_pdriver_used(&d, &id16, len);
	*id = id16;
	return yes;
}

static void pass_over(struct rig *r, uint16_t id)
{
	if (r->q.packed)
		virtq_pdriver_skip(&d, id);
	else
		virtq_driver_skip(&r->d, 1);
}

/* Take one and give it back with (n) bytes stored. */
static void serve(struct rig *r, uint32_t n)
{
	assert_int_equal(pop(r), 1);
	assert_int_equal(virtq_write(&r->q, &r->c, 0, "abcdefgh", n), n);
	assert_int_equal(virtq_push(&r->q, &r->c), 0);
}

/* Whole ones are one entry; one that is not whole stands there itself and ends a batch. */
static void batches(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned packed = 0; packed < 2; packed++) {
		begin(&r, packed, 8, false);
		for (unsigned round = 0; round < 100; round++) {
			uint16_t ids[6];
			uint32_t id, len;

			virtq_kick_begin(&r.q);
			for (unsigned i = 0; i < 6; i++)
				ids[i] = offer(&r, (uint16_t)(round * 6 + i), 8);
			serve(&r, 8);
			serve(&r, 8);
			serve(&r, 8);
			/* Nothing to be seen yet, but they are no longer in flight. */
			assert_false(used(&r, &id, &len));
			assert_int_equal(r.q.in_flight, 0);
			assert_int_equal(virtq_flush(&r.q), 0);
			assert_int_equal(virtq_flush(&r.q), 0);
			assert_true(used(&r, &id, &len));
			assert_int_equal(id, ids[2]);
			assert_int_equal(len, 8);
			pass_over(&r, ids[0]);
			pass_over(&r, ids[1]);
			assert_false(used(&r, &id, &len));
			serve(&r, 8);
			serve(&r, 5); /* not whole */
			assert_true(used(&r, &id, &len));
			assert_int_equal(id, ids[4]);
			assert_int_equal(len, 5);
			pass_over(&r, ids[3]);
			/* The question about the interrupt puts out what waits. */
			serve(&r, 8);
			assert_false(used(&r, &id, &len));
			assert_true(virtq_needs_interrupt(&r.q));
			assert_false(virtq_needs_interrupt(&r.q));
			assert_true(used(&r, &id, &len));
			assert_int_equal(id, ids[5]);
			assert_false(used(&r, &id, &len));
		}
		assert_true(r.q.popped == 600 && r.q.pushed == 600);
	}
	rig_free(&r);
}

/* A malformed chain is not skipped: the driver would take its buffers for written. */
static void malformed_is_not_skipped(void **state)
{
	struct rig r;
	uint32_t id, len;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned packed = 0; packed < 2; packed++) {
		struct virtq_buf wild = {ROM_AT, 8, true};
		uint16_t first, last;

		begin(&r, packed, 8, false);
		first = offer(&r, 1, 8);
		if (packed) {
			assert_int_equal(virtq_pdriver_put(&d, &wild, 1, 2), 0);
			last = 2;
		} else {
			last = (uint16_t)virtq_driver_chain(&r.d, &wild, 1);
			virtq_driver_offer(&r.d, last);
			virtq_driver_publish(&r.d);
		}
		serve(&r, 8);
		assert_int_equal(pop(&r), 1);
		assert_int_equal(r.c.error, VIRTQ_E_ADDR);
		assert_int_equal(virtq_push(&r.q, &r.c), 0);
		assert_true(used(&r, &id, &len));
		assert_int_equal(id, last);
		assert_int_equal(len, 0);
		pass_over(&r, first);
		assert_false(used(&r, &id, &len));
	}
	rig_free(&r);
}

/* A whole ring in one entry, and lists of several entries on the packed ring. */
static void whole_ring_at_once(void **state)
{
	struct rig r;
	uint32_t id, len;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned packed = 0; packed < 2; packed++) {
		begin(&r, packed, 8, true);
		for (unsigned round = 0; round < 20000; round++) {
			virtq_kick_begin(&r.q);
			for (unsigned i = 0; i < 8; i++)
				(void)offer(&r, (uint16_t)i, 4);
			for (unsigned i = 0; i < 8; i++)
				serve(&r, 4);
			/* The eighth filled the batch. */
			assert_true(used(&r, &id, &len));
			assert_int_equal(id, 7);
			for (unsigned i = 0; i < 7; i++)
				pass_over(&r, (uint16_t)i);
			assert_false(used(&r, &id, &len));
		}
	}
	begin(&r, true, 8, false);
	for (unsigned round = 0; round < 50; round++) {
		struct virtq_buf b[3] = {{BUF, 1, true}, {BUF, 2, true}, {BUF, 3, true}};

		virtq_kick_begin(&r.q);
		assert_int_equal(virtq_pdriver_put(&d, b, 3, 100), 0);
		assert_int_equal(virtq_pdriver_put(&d, b, 1, 200), 0);
		assert_int_equal(virtq_pdriver_put(&d, b, 2, 300), 0);
		serve(&r, 6);
		serve(&r, 1);
		serve(&r, 3);
		assert_int_equal(r.q.slots_out, 6);
		assert_int_equal(virtq_flush(&r.q), 0);
		assert_int_equal(r.q.slots_out, 0);
		assert_true(used(&r, &id, &len));
		assert_int_equal(id, 300);
		assert_int_equal(len, 3);
		pass_over(&r, 100);
		pass_over(&r, 200);
		assert_false(used(&r, &id, &len));
	}
	rig_free(&r);
}

/* 2.7.7.2: an event inside of a batch is passed. */
static void event_inside_a_batch(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned event = 0; event < 5; event++) {
		begin(&r, false, 8, true);
		virtq_driver_suppress(&r.d, false, (uint16_t)event);
		for (unsigned i = 0; i < 4; i++)
			(void)offer(&r, 0, 4);
		for (unsigned i = 0; i < 4; i++)
			serve(&r, 4);
		assert_int_equal(virtq_needs_interrupt(&r.q), event < 4);
		begin(&r, true, 8, true);
		virtq_pdriver_event(&d, (uint16_t)(event | VIRTQ_EVENT_WRAP), VIRTQ_EVENT_DESC);
		for (unsigned i = 0; i < 4; i++)
			(void)offer(&r, (uint16_t)i, 4);
		for (unsigned i = 0; i < 4; i++)
			serve(&r, 4);
		assert_int_equal(virtq_needs_interrupt(&r.q), event < 4);
	}
	rig_free(&r);
}

static void ring_gone(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned packed = 0; packed < 2; packed++) {
		begin(&r, packed, 8, false);
		(void)offer(&r, 0, 4);
		serve(&r, 4);
		assert_int_equal(gmem_remove(r.mem, RAM_A), 0);
		assert_int_equal(virtq_flush(&r.q), -EIO);
		assert_int_equal(r.q.broken, VIRTQ_E_RING);
		assert_false(virtq_needs_interrupt(&r.q));
		assert_int_equal(gmem_add(r.mem, RAM_A, MIB, GMEM_RAM, NULL), 0);
	}
	rig_free(&r);
}

/* What is pushed before its turn waits for it, in every order of five; then it is one batch. */
static void any_order_of_pushes(void **state)
{
	struct virtq_chain c[5];
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned packed = 0; packed < 2; packed++) {
		begin(&r, packed, 7 + !packed, false);
		for (unsigned order = 0; order < 5 * 4 * 3 * 2; order++) {
			uint16_t ids[5], left[5] = {0, 1, 2, 3, 4};
			unsigned o = order, next = 0;
			bool back[5] = {0};
			uint32_t id, len;

			virtq_kick_begin(&r.q);
			for (unsigned i = 0; i < 5; i++)
				ids[i] = offer(&r, (uint16_t)(order * 5 + i), 8);
			for (unsigned i = 0; i < 5; i++) {
				assert_int_equal(virtq_next(&r.q, &c[i]), 1);
				assert_int_equal((uint16_t)(c[i].seq - c[0].seq), i);
				/* The fourth is not whole. */
				assert_int_equal(
					virtq_write(&r.q, &c[i], 0, "abcdefgh", i == 3 ? 2 : 8),
					i == 3 ? 2 : 8);
			}
			for (unsigned i = 0; i < 5; i++) {
				unsigned k = o % (5 - i), is = left[k];

				o /= 5 - i;
				memmove(&left[k], &left[k + 1], (4 - k) * sizeof(left[0]));
				assert_true(virtq_is_out(&r.q, &c[is]));
				assert_int_equal(virtq_push(&r.q, &c[is]), 0);
				assert_false(virtq_is_out(&r.q, &c[is]));
				back[is] = true;
				while (next < 5 && back[next])
					next++;
				assert_int_equal(r.q.in_flight, 5 - next);
				assert_int_equal(r.q.nr_held, i + 1 - next);
				/* It is as a queue is between events. */
				if (!r.q.batch.nr)
					assert_int_equal(virtq_post_load(&r.q, NULL), 0);
			}
			assert_int_equal(next, 5);
			assert_int_equal(virtq_flush(&r.q), 0);
			while (used(&r, &id, &len)) {
				unsigned at = 0;

				while (ids[at] != id)
					at++;
				assert_int_equal(len, at == 3 ? 2 : 8);
				assert_true(back[at]);
				for (unsigned i = 0; i < at; i++) {
					if (back[i])
						pass_over(&r, ids[i]);
					back[i] = false;
				}
				back[at] = false;
			}
			assert_false(back[4]);
		}
	}
	rig_free(&r);
}

/* Saved chains that wait for a turn which they cannot have. */
static void bad_saved_turns(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	for (unsigned how = 0; how < 8; how++) {
		struct virtq_chain c[3];

		begin(&r, how & 1, 8, false);
		for (uint16_t i = 0; i < 3; i++)
			(void)offer(&r, i, 8);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(virtq_next(&r.q, &c[i]), 1);
		assert_int_equal(virtq_push(&r.q, &c[2]), 0);
		assert_int_equal(virtq_push(&r.q, &c[1]), 0);
		assert_int_equal(r.q.nr_held, 2);
		assert_ptr_equal(virtq_held(&r.q, 1), &r.q.held[1]);
		assert_null(virtq_held(&r.q, 2));
		assert_int_equal(virtq_post_load(&r.q, NULL), 0);
		switch (how) {
		case 0:
			r.q.nr_held = 4;
			break;
		case 1:
			r.q.nr_held = UINT32_MAX;
			assert_null(virtq_held(&r.q, r.q.num_max));
			break;
		case 2:
			r.q.in_order = false;
			break;
		case 3:
			r.q.held[0].seq = c[0].seq;
			break;
		case 4:
			r.q.held[1].seq = r.q.held[0].seq;
			break;
		case 5:
			r.q.held[1].seq++;
			break;
		case 6:
			r.q.held[1].head = 8;
			break;
		default:
			r.q.held[1].slots = 0;
			break;
		}
		assert_int_equal(virtq_post_load(&r.q, NULL), -EINVAL);
		assert_int_equal(r.q.nr_held, 0);
	}
	rig_free(&r);
}

/* Given back twice, or never handed out: our bug. */
static void once_is_the_devices_promise(void **state)
{
	struct virtq_chain first, second;
	struct rig r;
	(void)state;

	rig_new(&r, 8, false);
	begin(&r, false, 8, false);
	(void)offer(&r, 0, 4);
	(void)offer(&r, 0, 4);
	assert_int_equal(virtq_next(&r.q, &first), 1);
	assert_int_equal(virtq_next(&r.q, &second), 1);
	assert_int_equal(virtq_push(&r.q, &second), 0);
	for (unsigned how = 0; how < 2; how++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			(void)signal(SIGABRT, SIG_DFL);
			(void)close(STDERR_FILENO);
			if (how)
				second.seq = (uint16_t)(first.seq - 1);
			(void)virtq_push(&r.q, &second);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
	assert_int_equal(virtq_push(&r.q, &first), 0);
	assert_int_equal(r.q.in_flight, 0);
	rig_free(&r);
}

/* ---- notification data, 2.9 ---------------------------------------------------------------------- */

static void split_kick_data(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	virtq_reset(&r.q);
	assert_false(virtq_kick_is_right(&r.q, 0)); /* not ready */
	rig_start(&r, 4, false);
	for (uint32_t i = 0; i < 0x10010; i++) {
		uint16_t idx = (uint16_t)i;

		assert_true(virtq_kick_is_right(&r.q, idx));
		assert_false(virtq_kick_is_right(&r.q, (uint16_t)(idx + 1)));
		assert_false(virtq_kick_is_right(&r.q, idx ^ 0x8000));
		turn(&r);
	}
	assert_int_equal(gmem_remove(r.mem, RAM_A), 0);
	assert_false(virtq_kick_is_right(&r.q, 0x10));
	assert_int_equal(r.q.broken, VIRTQ_OK); /* the doorbell's own reads find that out */
	rig_free(&r);
}

static void packed_kick_data(void **state)
{
	struct virtq_buf b[2] = {{BUF, 4, true}, {BUF, 4, true}};
	struct virtq_chain c[5];
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	begin(&r, true, 5, false);
	r.q.in_order = false;
	for (unsigned round = 0; round < 20; round++) {
		/* None, one list of two, and the whole ring on offer; then two of them in flight. */
		for (unsigned n = 0; n < 4; n++) {
			uint16_t is;

			if (n == 1)
				assert_int_equal(virtq_pdriver_put(&d, b, 2, 1), 0);
			if (n == 2)
				for (unsigned i = 0; i < 3; i++)
					assert_int_equal(
						virtq_pdriver_put(&d, b, 1, (uint16_t)(2 + i)), 0);
			if (n == 3) {
				virtq_kick_begin(&r.q);
				assert_int_equal(virtq_next(&r.q, &c[0]), 1);
				assert_int_equal(virtq_next(&r.q, &c[1]), 1);
			}
			is = (uint16_t)(d.next | (d.wrap ? VIRTQ_EVENT_WRAP : 0));
			for (uint32_t at = 0; at < 8; at++) {
				for (unsigned wrap = 0; wrap < 2; wrap++) {
					uint16_t says = (uint16_t)(at | wrap << 15);

					/* The middle of a list looks like a place as any other. */
					assert_int_equal(virtq_kick_is_right(&r.q, says),
							 says == is);
				}
			}
		}
		assert_int_equal(virtq_next(&r.q, &c[2]), 1);
		assert_int_equal(virtq_next(&r.q, &c[3]), 1);
		assert_int_equal(virtq_next(&r.q, &c[4]), 0);
		for (unsigned i = 0; i < 4; i++) {
			uint16_t id;
			uint32_t len;

			assert_int_equal(virtq_push(&r.q, &c[i]), 0);
			assert_true(virtq_pdriver_used(&d, &id, &len));
		}
	}
	assert_int_equal(gmem_remove(r.mem, RAM_A), 0);
	assert_false(virtq_kick_is_right(&r.q, d.next | (d.wrap ? VIRTQ_EVENT_WRAP : 0)));
	rig_free(&r);
}

/* ---- sizes ---------------------------------------------------------------------------------------- */

/* Fill a queue of (num), empty it, for (turns); each ring in order and not. */
static void fill_and_empty(struct rig *r, bool packed, bool in_order, uint32_t num, unsigned turns)
{
	uint32_t id, len;

	begin(r, packed, num, true);
	r->q.in_order = in_order;
	for (unsigned t = 0; t < turns; t++) {
		virtq_kick_begin(&r->q);
		for (uint32_t i = 0; i < num; i++)
			(void)offer(r, (uint16_t)i, 4);
		for (uint32_t i = 0; i < num; i++)
			serve(r, 4);
		assert_int_equal(pop(r), 0);
		assert_int_equal(virtq_flush(&r->q), 0);
		assert_int_equal(r->q.in_flight, 0);
		for (uint32_t i = 0; i < num; i++) {
			if (in_order && i) {
				pass_over(r, (uint16_t)(i - 1));
				continue;
			}
			assert_true(used(r, &id, &len));
			assert_int_equal(id, in_order ? num - 1 : i);
		}
		assert_false(used(r, &id, &len));
	}
	if (!packed)
		assert_int_equal(r->q.last_avail, (uint16_t)(turns * num));
}

static void every_size(void **state)
{
	static const uint32_t odd[] = {3, 5, 7, 100, 255, 257, 1000, 32767};
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	for (uint32_t num = 1; num <= VIRTQ_NUM_MAX; num *= 2) {
		/* Over 65536 once and again, but for small ones, which test_wrap() has. */
		unsigned turns = num < 1024 ? 5 : 0x20000 / num + 1;

		for (unsigned k = 0; k < 4; k++)
			fill_and_empty(&r, k & 1, k & 2, num, turns);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(odd); i++) {
		fill_and_empty(&r, true, false, odd[i], 3);
		fill_and_empty(&r, true, true, odd[i], 3);
	}
	rig_free(&r);
}

/* From index 65535 to 0, one at a time, for sizes that cross it in the middle of a batch too. */
static void round_at_65536(void **state)
{
	struct rig r;
	(void)state;

	rig_new(&r, 4, false);
	for (uint32_t num = 2; num <= 8; num *= 2) {
		uint32_t id, len, n = 0;

		begin(&r, false, num, true);
		for (uint32_t i = 0; i < 0x10000 - num / 2; i++) {
			virtq_kick_begin(&r.q);
			(void)offer(&r, 0, 4);
			serve(&r, 4);
			assert_int_equal(virtq_flush(&r.q), 0);
			assert_true(used(&r, &id, &len));
		}
		assert_int_equal(r.q.used_idx, (uint16_t)(0x10000 - num / 2));
		virtq_driver_suppress(&r.d, false, 0xffff);
		(void)virtq_needs_interrupt(&r.q);
		virtq_kick_begin(&r.q);
		for (uint32_t i = 0; i < num; i++)
			(void)offer(&r, 0, 4);
		while (pop(&r) == 1) {
			assert_int_equal(virtq_write(&r.q, &r.c, 0, "abcd", 4), 4);
			assert_int_equal(virtq_push(&r.q, &r.c), 0);
			n++;
		}
		assert_int_equal(n, num);
		assert_int_equal(r.q.used_idx, num / 2);
		assert_true(virtq_needs_interrupt(&r.q));
		assert_true(used(&r, &id, &len));
		assert_int_equal(id, (0x10000 - num / 2 + num - 1) % num);
	}
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches),
		cmocka_unit_test(malformed_is_not_skipped),
		cmocka_unit_test(whole_ring_at_once),
		cmocka_unit_test(event_inside_a_batch),
		cmocka_unit_test(ring_gone),
		cmocka_unit_test(any_order_of_pushes),
		cmocka_unit_test(bad_saved_turns),
		cmocka_unit_test(once_is_the_devices_promise),
		cmocka_unit_test(split_kick_data),
		cmocka_unit_test(packed_kick_data),
		cmocka_unit_test(every_size),
		cmocka_unit_test(round_at_65536),
	};

	return cmocka_run_group_tests_name("virtq in order", tests, NULL, NULL);
}
