/* SPDX-License-Identifier: MIT */
/* Shared memory regions over virtio-mmio (virtio 1.2 sections 2.10 and 4.2.2): registers, memory, state. */
#include "test_virtio.h"

#include <errno.h>

#include "test_shm.h"

static struct dev *add(struct machine *m, const char *opts)
{
	struct dev *d;

	assert_int_equal(dev_new_class(&d, &shm_class, opts, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	return d;
}

static void assert_region(struct machine *m, uint32_t sel, uint64_t base, uint64_t len)
{
	wr(m, SHM_SEL, sel);
	assert_int_equal(rd(m, SHM_LEN_LOW), (uint32_t)len);
	assert_int_equal(rd(m, SHM_LEN_HIGH), len >> 32);
	assert_int_equal(rd(m, SHM_BASE_LOW), (uint32_t)base);
	assert_int_equal(rd(m, SHM_BASE_HIGH), base >> 32);
}

static void registers(void **state)
{
	struct machine *m = *state;
	struct dev *d = add(m, NULL);

	/* Selected from the start: 0, which is none. */
	assert_int_equal(rd(m, SHM_LEN_LOW), UINT32_MAX);
	assert_region(m, 7, SHM_A, SHM_A_LEN);
	assert_region(m, 1, SHM_B, SHM_B_LEN);
	assert_region(m, 0, UINT64_MAX, UINT64_MAX);
	assert_region(m, 0x107, UINT64_MAX, UINT64_MAX);
	assert_region(m, UINT32_MAX, UINT64_MAX, UINT64_MAX);
	dev_free(d);
	d = add(m, "base1=0xd3000000");
	assert_region(m, 7, 0xd3000000, SHM_A_LEN);
	mmio_w(m, 0xd3000000, 4, 5);
	assert_int_equal(mmio_r(m, 0xd3000000, 4), 5);
	dev_free(d);
}

static void memory(void **state)
{
	struct machine *m = *state;
	struct dev *d = add(m, NULL);
	struct virtio *v = virtio(d);
	uint64_t len;
	uint8_t *a = virtio_shm(v, 0, &len), *b;

	assert_int_equal(len, SHM_A_LEN);
	b = virtio_shm(v, 1, &len);
	assert_int_equal(len, SHM_B_LEN);
	assert_ptr_equal(b, a + SHM_A_LEN);
	assert_null(virtio_shm(v, 2, &len));
	/* The driver's stores are the device's bytes, of any width, and the other way. */
	mmio_w(m, SHM_A, 8, 0x8877665544332211);
	mmio_w(m, SHM_A + 0x11, 2, 0xbeef);
	assert_memory_equal(a, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	assert_int_equal(a[0x11], 0xef);
	assert_int_equal(a[0x12], 0xbe);
	a[SHM_A_LEN - 1] = 0x77;
	assert_int_equal(mmio_r(m, SHM_A + SHM_A_LEN - 4, 4), 0x77000000);
	b[3] = 9;
	assert_int_equal(mmio_r(m, SHM_B, 4), 0x09000000);
	/* Beyond a region is not the next one's. */
	assert_int_equal(dev_read(d, 1, SHM_A_LEN - 2, 4), 0xffff7700);
	virtio_shm_write(v, 0, SHM_A_LEN - 1, 2, 0);
	assert_int_equal(a[SHM_A_LEN - 1], 0x77);
	assert_int_equal(virtio_shm_read(v, 0, SHM_A_LEN - 1, 2), 0xffff);
	virtio_shm_write(v, 0, UINT64_MAX, 2, 0);
	assert_int_equal(virtio_shm_read(v, 2, 0, 4), UINT32_MAX);
	assert_int_equal(d->stats.guest_errors, 0);
	dev_free(d);
}

/* It is no RAM: a queue in it is refused. */
static void no_queue_lies_in_it(void **state)
{
	struct machine *m = *state;
	struct dev *d = add(m, NULL);
	struct virtq_driver q = {
		.num = 8, .desc = SHM_A, .avail = SHM_A + 0x100, .used = SHM_A + 0x200};

	accept_features(m, F_ALL);
	tell_queue(m, &q);
	wr(m, QUEUE_READY, 1);
	assert_int_equal(rd(m, QUEUE_READY), 0);
	dev_free(d);
}

static void reset_save_and_load(void **state)
{
	struct machine *m = *state;
	struct dev *d = add(m, NULL);
	uint64_t fresh = dev_hash(d, 0), now;
	struct buf saved = {0};
	size_t used;

	mmio_w(m, SHM_A + 0x2ff8, 8, 1);
	assert_true(dev_hash(d, 0) != fresh);
	mmio_w(m, SHM_B + 8, 8, 2);
	wr(m, SHM_SEL, 1);
	now = dev_hash(d, 0);
	assert_int_equal(dev_save(d, &saved), 0);
	/* A reset by the driver, and by the machine. */
	for (unsigned i = 0; i < 2; i++) {
		if (i)
			dev_reset(d);
		else
			wr(m, STATUS, 0);
		assert_true(dev_hash(d, 0) == fresh);
		assert_int_equal(mmio_r(m, SHM_B + 8, 8), 0);
		assert_int_equal(rd(m, SHM_LEN_LOW), UINT32_MAX);
		assert_int_equal(dev_load(d, saved.p, saved.len, &used, NULL), 0);
		assert_int_equal(used, saved.len);
		assert_true(dev_hash(d, 0) == now);
		assert_int_equal(mmio_r(m, SHM_B + 8, 8), 2);
		assert_int_equal(rd(m, SHM_LEN_LOW), SHM_B_LEN);
	}
	/* All of it or nothing. */
	assert_int_equal(dev_load(d, saved.p, saved.len - 1, &used, NULL), -EINVAL);
	assert_true(dev_hash(d, 0) == now);
	buf_free(&saved);
	dev_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(registers),
		machine_test(memory),
		machine_test(no_queue_lies_in_it),
		machine_test(reset_save_and_load),
	};

	return cmocka_run_group_tests_name("virtio_shm", tests, NULL, NULL);
}
