/* SPDX-License-Identifier: MIT */
/*
 * Nothing is allocated for a request: the devices' usual work, over both rings, with an allocator that
 * counts. A sanitizer has an allocator of its own: there it is skipped.
 */
#include "test_virtio.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define CANNOT_COUNT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define CANNOT_COUNT 1
#endif
#endif
#ifndef CANNOT_COUNT
#define CANNOT_COUNT 0
#endif

#define HEADER	  0x50000u
#define STATUS_AT 0x51000u
#define WARM_UP	  4200u /* a console's kept output has its size for all that follows then */
#define REQUESTS  2000u
#define NUM	  16u

/* volatile: compilers know malloc() as one that changes nothing of ours. */
static volatile unsigned long allocated;

#if !CANNOT_COUNT
/* glibc's own, under the names by which it lets itself be replaced. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	allocated++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	allocated++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	allocated++;
	return __libc_realloc(p, n);
}
#endif

/* One kind of request: what it is made of. */
struct work {
	const char *spec;
	unsigned queue, nr;
	struct virtq_buf bufs[3];
	uint8_t header[16];
};

static const struct work works[] = {
	{"virtio-blk", 0, 3, {{HEADER, 16, false}, {BUFS, 4096, true}, {STATUS_AT, 1, true}}, {0}},
	{"virtio-blk", 0, 3, {{HEADER, 16, false}, {BUFS, 4096, false}, {STATUS_AT, 1, true}}, {1}},
	{"virtio-rng", 0, 1, {{BUFS, 64, true}}, {0}},
	/* A frame to nobody: there is no receive buffer, so it ends in the queue and then nowhere. */
	{"virtio-net", 1, 2, {{HEADER, 12, false}, {BUFS, 1500, false}}, {0}},
	{"virtio-console", 1, 1, {{BUFS, 16, false}}, {0}},
	{"virtio-balloon", 0, 1, {{HEADER, 4, false}}, {0x80}},
};

static void one_request(struct machine *m, const struct work *w, struct virtq_driver *q,
			struct virtq_pdriver *p, bool packed)
{
	uint32_t len, id;
	uint16_t id16;

	if (packed) {
		assert_int_equal(virtq_pdriver_put(p, w->bufs, w->nr, 3), 0);
		wr(m, QUEUE_NOTIFY, w->queue);
		assert_true(virtq_pdriver_used(p, &id16, &len));
		return;
	}
	virtq_driver_offer(q, (uint16_t)virtq_driver_chain(q, w->bufs, w->nr));
	virtq_driver_publish(q);
	wr(m, QUEUE_NOTIFY, w->queue);
	assert_true(virtq_driver_used(q, &id, &len));
}

static void try_work(struct machine *m, const struct work *w, bool packed)
{
	const uint64_t f = 1ull << VIRTIO_F_VERSION_1 | (uint64_t)packed << VIRTIO_F_RING_PACKED;
	static struct virtq_pdriver p;
	struct virtq_driver q = {0};
	char spec[64];
	struct dev *d;

	(void)snprintf(spec, sizeof(spec), "%s,packed=%u", w->spec, packed);
	assert_int_equal(dev_new(&d, spec, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	assert_int_equal(gmem_write(m->env.mem, HEADER, w->header, sizeof(w->header)), 0);
	accept_features(m, f);
	if (packed) {
		assert_int_equal(virtq_pdriver_init(&p, m->env.mem, NUM, RINGS, false), 0);
		q = (struct virtq_driver){
			.num = NUM, .desc = p.desc, .avail = p.avail, .used = p.used};
	} else {
		assert_int_equal(virtq_driver_init(&q, m->env.mem, NUM, RINGS, false), 0);
	}
	tell_queue_n(m, w->queue, &q);
	wr(m, QUEUE_READY, 1);
	wr(m, STATUS, UP);
	assert_int_equal(rd(m, QUEUE_READY), 1);
	for (unsigned i = 0; i < WARM_UP; i++)
		one_request(m, w, &q, &p, packed);
	allocated = 0;
	for (unsigned i = 0; i < REQUESTS; i++)
		one_request(m, w, &q, &p, packed);
	if (allocated)
		print_error("%s: %lu allocations in %u requests\n", spec, allocated, REQUESTS);
	assert_int_equal(allocated, 0);
	dev_free(d);
}

static void no_request_allocates(void **state)
{
	void *volatile p;

	if (CANNOT_COUNT)
		skip();
	/* The counter counts. */
	allocated = 0;
	p = malloc(1);
	free(p);
	assert_int_equal(allocated, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(works); i++)
		for (unsigned packed = 0; packed < 2; packed++)
			try_work(*state, &works[i], packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_request_allocates, machine_set_up,
						machine_tear_down),
	};

	return cmocka_run_group_tests_name("virtio allocations", tests, NULL, NULL);
}
