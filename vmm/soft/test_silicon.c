/* SPDX-License-Identifier: MIT */
/*
 * The software CPU against the host's own, for some seconds: every opcode form a few times, sequences,
 * random bytes. What differs is described on the standard output. vmm/soft/silicon has the rest, and
 * build/dev/silicon runs it for longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include <silicon.h>

/*
 * ASan maps its shadow where cases must fault, so the child is not the bare process that it has to
 * be: addresses that nothing should be at are there.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOWED true
#endif
#endif
#ifndef SHADOWED
#define SHADOWED false
#endif

#define SECONDS 15
#define CASES	200000
#define SEED	20261122

static void put(void *ctx, const char *text)
{
	(void)ctx;
	print_message("%s", text);
}

static void compare(unsigned kinds, uint64_t cases, unsigned seconds, struct sil_report *rep)
{
	struct sil_options o = {.cases = cases,
				.seed = SEED,
				.kinds = kinds,
				.show = 1,
				.seconds = seconds,
				.fast = true,
				.put = put};
	struct err err = {0};
	int rc;

	if (SHADOWED) {
		print_message("skipped: ASan's shadow memory is where cases must fault\n");
		skip();
	}
	rc = sil_compare_many(&o, rep, &err);
	if (rc == -ENOTSUP) {
		print_message("skipped: %s\n", err.msg);
		skip();
	}
	if (rc)
		fail_msg("%s", err.msg);
	print_message("%llu cases, %llu faults, %llu explained differences\n",
		      (unsigned long long)rep->all.cases, (unsigned long long)rep->all.faults,
		      (unsigned long long)rep->all.explained);
}

static void test_forms(void **state)
{
	struct sil_report rep;

	(void)state;
	compare(7, CASES, SECONDS, &rep);
	assert_true(rep.all.cases > 1000);
	/* The sandbox holds, and the generator does not make what breaks the child. */
	assert_int_equal(rep.lost, 0);
	assert_int_equal(rep.all.diffs, 0);
	assert_int_equal(rep.all.fast_diffs, 0);
	sil_report_free(&rep);
}

/* The tester sees what it is for: a result that is not the one of the host. */
static void test_sees_differences(void **state)
{
	struct sil_case c = {.bits = 64, .code = {0x90}, .code_len = 1};
	struct sil_result a, b;
	struct sil_diff d;

	(void)state;
	memset(&a, 0, sizeof(a));
	a.vector = SIL_OK;
	b = a;
	sil_compare(&c, &a, &b, &d);
	assert_int_equal(d.fields, 0);
	b.out.gpr[3] = 1;
	b.out.rflags = X86_FLAG_AF;
	b.out.fx[160] = 1;
	b.out.fx[32] = 1;
	b.out.fx[2] = 1;
	b.nr_lines = 1;
	sil_compare(&c, &a, &b, &d);
	assert_int_equal(d.fields,
			 SIL_D_GPR | SIL_D_FLAGS | SIL_D_XMM | SIL_D_ST | SIL_D_FPU | SIL_D_MEM);
	assert_int_equal(d.flags, X86_FLAG_AF);
	/* None of these is in the table of explained differences. */
	assert_int_equal(sil_explained(&c, &a, &b, &d), -1);
	b = a;
	b.vector = X86_PF;
	sil_compare(&c, &a, &b, &d);
	assert_int_equal(d.fields, SIL_D_VECTOR);
}

/* Every form is of a known instruction, has a name of its own and is run or says why not. */
static void test_list_of_forms(void **state)
{
	struct sil_form *f;
	size_t n, left = 0;

	(void)state;
	assert_int_equal(sil_forms(&f, &n), 0);
	assert_true(n > 4000);
	for (size_t i = 0; i < n; i++) {
		assert_true(f[i].op != INSN_BAD && f[i].op < INSN_OPS);
		assert_true(f[i].name[0]);
		left += f[i].left_out != NULL;
	}
	assert_true(left < n / 20);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_of_forms),
		cmocka_unit_test(test_sees_differences),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests_name("silicon", tests, NULL, NULL);
}
