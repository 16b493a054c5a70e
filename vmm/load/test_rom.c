/* SPDX-License-Identifier: MIT */
/* ROM images: where they lie, the state after a reset, sizes and requests that are refused. */
#include "test_util.h"

/* RAM as a PC has it: none from 0xe0000 to 1 MiB. */
static struct fix *rom(size_t len)
{
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(gmem_new(&f->mem, &f->err), 0);
	fix_add(f, 0, 0xe0000, GMEM_RAM);
	fix_add(f, MIB, MIB, GMEM_RAM);
	f->req.kind = LOAD_ROM;
	f->req.image.data = calloc(1, len ? len : 1);
	f->req.image.len = len;
	assert_non_null(f->req.image.data);
	pattern((uint8_t *)f->req.image.data, len, 7);
	return f;
}

static void done(struct fix *f)
{
	free((void *)f->req.image.data);
	fix_free(f);
}

static int load(struct fix *f)
{
	return load_image(f->mem, &f->req, &f->res, &f->cpu, &f->err);
}

static void sizes(void **state)
{
	static const size_t lens[] = {0x1000, 0x10000, 0x1f000, 0x20000, 0x40000, 8 << 20};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
		size_t len = lens[i], low = len < 0x20000 ? len : 0x20000;
		struct fix *f = rom(len);
		const uint8_t *img = f->req.image.data;
		struct cpu_state reset;
		uint8_t b = 0;

		assert_int_equal(load(f), 0);
		assert_int_equal(f->res.kind, LOAD_ROM);
		assert_int_equal(f->res.entry, 0xfffffff0);
		assert_int_equal(f->res.nr_ranges, 2);
		assert_memory_equal(gmem_ro(f->mem, (4ull << 30) - len, len), img, len);
		assert_memory_equal(gmem_ro(f->mem, MIB - low, low), img + len - low, low);
		/* Nobody writes it. */
		assert_null(gmem_rw(f->mem, 0xfffff000, 1));
		assert_int_equal(gmem_write(f->mem, 0xff000, &b, 1), -EFAULT);
		x86_state_reset(&reset);
		assert_memory_equal(&f->cpu, &reset, sizeof(reset));
		assert_int_equal(f->cpu.seg[X86_CS].sel, 0xf000);
		assert_int_equal(f->cpu.seg[X86_CS].base + f->cpu.rip, 0xfffffff0);
		done(f);
	}
}

static void bad_sizes(void **state)
{
	static const struct {
		size_t len;
		int rc;
		const char *why;
	} rows[] = {
		{0, -ENOEXEC, "empty"},
		{1, -EINVAL, "4096"},
		{4095, -EINVAL, "4096"},
		{0x20010, -EINVAL, "4096"},
		{(8 << 20) + 0x1000, -E2BIG, "8 MiB"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fix *f = rom(rows[i].len);

		assert_int_equal(load(f), rows[i].rc);
		assert_non_null(strstr(f->err.msg, rows[i].why));
		assert_false(f->res.touched);
		assert_int_equal(gmem_generation(f->mem), 2);
		done(f);
	}
}

static void no_room(void **state)
{
	struct fix *f;

	(void)state;
	/* RAM, or anything else, where its end belongs; nothing is left behind. */
	f = rom(0x20000);
	fix_add(f, 0xe8000, 0x1000, GMEM_RAM);
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->err.msg, "0xe8000"));
	assert_null(gmem_ro(f->mem, 0xfffff000, 1));
	done(f);
	/* A ROM that is smaller leaves that alone. */
	f = rom(0x10000);
	fix_add(f, 0xe8000, 0x1000, GMEM_RAM);
	assert_int_equal(load(f), 0);
	done(f);
	/* And at the top. */
	f = rom(0x10000);
	fix_add(f, 0xfffff000, 0x1000, GMEM_RAM);
	assert_int_equal(load(f), -EEXIST);
	assert_null(gmem_ro(f->mem, 0xff000, 1));
	done(f);
}

static void options(void **state)
{
	struct fix *f;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		f = rom(0x1000);
		if (i == 0)
			f->req.cmdline = "x";
		else if (i == 1)
			f->req.initrd = (struct load_blob){f->img, 1, NULL};
		else if (i == 2)
			f->req.nr_mods = 1;
		else
			f->req.boot = LOAD_BOOT_64;
		assert_int_equal(load(f), -EINVAL);
		done(f);
	}
	assert_string_equal(load_kind_name(LOAD_ROM), "rom");
	assert_int_equal(load_rom_low(0x1000), 0x1000);
	assert_int_equal(load_rom_low(0x30000), 0x20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(bad_sizes),
		cmocka_unit_test(no_room),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests_name("load/rom", tests, NULL, NULL);
}
