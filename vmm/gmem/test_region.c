/* SPDX-License-Identifier: MIT */
/* Regions: what may be added, in which order they are listed, the guard page behind them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <vmm/gmem.h>

#include "../base/test_alloc.h"

/* ---- host calls that fail on request ---- */

static int no_mmap, no_mprotect;

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	if (no_mmap) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
}

int mprotect(void *addr, size_t len, int prot)
{
	if (no_mprotect) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_mprotect, addr, len, prot);
}

/* ---- */

static int setup(void **state)
{
	struct gmem *g;

	assert_int_equal(gmem_new(&g, NULL), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	gmem_free(*state);
	return 0;
}

static void refused(struct gmem *g, uint64_t gpa, uint64_t len, int code, const char *why)
{
	struct err e = {0};
	unsigned gen = gmem_generation(g);
	uint64_t size = gmem_ram_size(g);

	assert_int_equal(gmem_add(g, gpa, len, GMEM_RAM, &e), code);
	assert_int_equal(e.code, code);
	if (!strstr(e.msg, why))
		fail_msg("'%s' does not say '%s'", e.msg, why);
	assert_int_equal(gmem_generation(g), gen);
	assert_int_equal(gmem_ram_size(g), size);
}

static void bad_regions(void **state)
{
	struct gmem *g = *state;
	const uint64_t top = UINT64_MAX;

	refused(g, 0, 0, -EINVAL, "size 0");
	refused(g, 0, 1, -EINVAL, "multiples of 4 KiB");
	refused(g, 1, 4096, -EINVAL, "multiples of 4 KiB");
	refused(g, 0, top, -EINVAL, "multiples of 4 KiB");
	refused(g, 0, top - 4095, -E2BIG, "more than 64 GiB");
	refused(g, 0, 1ull << 40, -E2BIG, "more than 64 GiB"); /* 1 TiB */
	refused(g, GMEM_TOP, 4096, -EINVAL, "beyond");
	refused(g, GMEM_TOP - 4096, 8192, -EINVAL, "beyond");
	refused(g, top - 4095, 4096, -EINVAL, "beyond");
	refused(g, top - 4095, 8192, -EINVAL, "beyond");
	assert_int_equal(gmem_add(g, GMEM_TOP - 4096, 4096, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0x10000, 0x4000, GMEM_ROM, NULL), 0);
	refused(g, 0x10000, 0x4000, -EEXIST, "the region at 0x10000, 0x4000");
	refused(g, 0xf000, 0x2000, -EEXIST, "overlaps");
	refused(g, 0x13000, 0x1000, -EEXIST, "overlaps");
	refused(g, 0x11000, 0x1000, -EEXIST, "overlaps");
	refused(g, 0, 0x100000, -EEXIST, "overlaps");
	refused(g, 0x200000, GMEM_MAX - 0x4000, -E2BIG, "more than 64 GiB");
	assert_int_equal(gmem_add(g, 0xf000, 0x1000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0x14000, 0x1000, GMEM_RAM, NULL), 0);
}

static void the_largest(void **state)
{
	struct gmem *g = *state;
	uint8_t b = 7;

	assert_int_equal(gmem_add(g, 0, GMEM_MAX, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_write(g, GMEM_MAX - 1, &b, 1), 0);
	assert_int_equal(gmem_write(g, GMEM_MAX, &b, 1), -EFAULT);
	assert_int_equal(gmem_dirty_count(g), 1);
	assert_true(gmem_is_dirty(g, GMEM_MAX - 1));
	assert_int_equal(gmem_low_end(g, UINT64_MAX), GMEM_MAX);
	refused(g, GMEM_MAX, 4096, -E2BIG, "more than 64 GiB");
}

static void too_many(void **state)
{
	struct gmem *g = *state;
	struct gmem_region r;

	/* Downwards: each goes in front of the others. */
	for (unsigned i = 0; i < GMEM_REGIONS; i++)
		assert_int_equal(
			gmem_add(g, (GMEM_REGIONS - i) * 0x10000ull, 0x1000, GMEM_RAM, NULL), 0);
	refused(g, 0x900000, 0x1000, -E2BIG, "more than 16 regions");
	for (unsigned i = 0; i < GMEM_REGIONS; i++) {
		assert_true(gmem_region(g, i, &r));
		assert_int_equal(r.gpa, (i + 1) * 0x10000ull);
		assert_int_equal(r.len, 0x1000);
		assert_int_equal(r.id, GMEM_REGIONS - 1 - i);
	}
	assert_false(gmem_region(g, GMEM_REGIONS, &r));
	assert_false(gmem_region(g, UINT32_MAX, &r));
}

static void remove_and_list(void **state)
{
	struct gmem *g = *state;
	struct gmem_region r;
	unsigned gen = gmem_generation(g), id;
	uint32_t v = 0x12345678;

	assert_int_equal(gmem_remove(g, 0), -ENOENT);
	assert_int_equal(gmem_add(g, 0, 0x3000, GMEM_RAM, NULL), 0);
	assert_int_not_equal(gmem_generation(g), gen);
	assert_int_equal(gmem_add(g, 0x3000, 0x1000, GMEM_ROM, NULL), 0);
	assert_int_equal(gmem_add(g, 0x4000, 0x1000, GMEM_RAM, NULL), 0);
	assert_true(gmem_region(g, 2, &r));
	id = r.id;
	assert_int_equal(gmem_write(g, 0x1000, &v, 4), 0);
	assert_int_equal(gmem_ram_size(g), 0x4000);
	assert_int_equal(gmem_remove(g, 0x1000), -ENOENT); /* inside, not its start */
	gen = gmem_generation(g);
	assert_int_equal(gmem_remove(g, 0), 0);
	assert_int_not_equal(gmem_generation(g), gen);
	assert_int_equal(gmem_read(g, 0x1000, &v, 4), -EFAULT);
	assert_int_equal(gmem_dirty_count(g), 0); /* its dirty page went with it */
	assert_true(gmem_region(g, 0, &r));
	assert_int_equal(r.gpa, 0x3000);
	assert_int_equal(r.kind, GMEM_ROM);
	assert_true(gmem_region(g, 1, &r));
	assert_int_equal(r.gpa, 0x4000);
	assert_int_equal(r.id, id); /* stable */
	assert_false(gmem_region(g, 2, &r));
	/* The slot is used again, with zeroes in it. */
	assert_int_equal(gmem_add(g, 0, 0x3000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_read(g, 0x1000, &v, 4), 0);
	assert_int_equal(v, 0);
}

static void sizes(void **state)
{
	struct gmem *g = *state;

	assert_int_equal(gmem_ram_size(g), 0);
	assert_int_equal(gmem_low_end(g, UINT64_MAX), 0);
	assert_int_equal(gmem_add(g, 0x5000, 0x1000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_low_end(g, UINT64_MAX), 0);
	assert_int_equal(gmem_add(g, 0x2000, 0x1000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_add(g, 0, 0x2000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_low_end(g, UINT64_MAX), 0x3000); /* two in a row, then a hole */
	assert_int_equal(gmem_low_end(g, 0x1800), 0x1800);
	assert_int_equal(gmem_low_end(g, 0), 0);
	assert_int_equal(gmem_add(g, 0x3000, 0x2000, GMEM_ROM, NULL), 0);
	assert_int_equal(gmem_low_end(g, UINT64_MAX), 0x3000); /* ROM is none */
	assert_int_equal(gmem_ram_size(g), 0x4000);
}

/* Does reading or writing one byte at (p) end a process? */
static bool deadly(volatile uint8_t *p, bool write)
{
	pid_t pid = fork();
	int st;

	assert_true(pid >= 0);
	if (!pid) {
		int null = open("/dev/null", O_WRONLY); /* a sanitizer has much to say */

		dup2(null, 2);
		signal(SIGSEGV, SIG_DFL); /* cmocka's would go on with the next test */
		signal(SIGBUS, SIG_DFL);
		if (write)
			*p = 1;
		else
			(void)*p;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	return !WIFEXITED(st) || WEXITSTATUS(st);
}

static void guard_page(void **state)
{
	struct gmem *g = *state;
	struct gmem_region r;

	assert_int_equal(gmem_add(g, 0, 0x2000, GMEM_RAM, NULL), 0);
	assert_true(gmem_region(g, 0, &r));
	assert_false(deadly(r.host, true));
	assert_false(deadly(r.host + r.len - 1, true));
	assert_true(deadly(r.host + r.len, false));
	assert_true(deadly(r.host + r.len, true));
	assert_true(deadly(r.host + r.len + GMEM_PAGE - 1, false));
	assert_int_equal((uintptr_t)r.host % GMEM_PAGE, 0);
}

static void poor_host(void **state)
{
	struct gmem *g = *state, *other = NULL;
	struct gmem_region r;

	(void)other;
	no_mmap = 1;
	refused(g, 0, 0x1000, -ENOMEM, "the host has not that much");
	no_mmap = 0;
	no_mprotect = 1;
	refused(g, 0, 0x1000, -ENOMEM, "the host has not that much");
	no_mprotect = 0;
#if TEST_ALLOC
	test_alloc_after = 0;
	refused(g, 0, 0x1000, -ENOMEM, "the host has not that much");
	test_alloc_after = 0;
	assert_int_equal(gmem_new(&other, NULL), -ENOMEM);
	assert_null(other);
#endif
	assert_false(gmem_region(g, 0, &r));
	assert_int_equal(gmem_add(g, 0, 0x1000, GMEM_RAM, NULL), 0);
	assert_true(gmem_region(g, 0, &r));
	assert_int_equal(r.id, 0);
	gmem_free(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bad_regions), T(the_largest), T(too_many),  T(remove_and_list),
		T(sizes),	T(guard_page),	T(poor_host),
	};

	return cmocka_run_group_tests_name("gmem/region", tests, NULL, NULL);
}
