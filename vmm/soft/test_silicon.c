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
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <silicon.h>

#define SECONDS 15
#define CASES	200000
#define SEED	20261122

static void put(void *ctx, const char *text)
{
	(void)ctx;
	print_message("%s", text);
}

static void compare(const struct sil_options *o, struct sil_report *rep)
{
	struct err err = {0};
	int rc;

	rc = sil_compare_many(o, rep, &err);
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
	const struct sil_options o = {.cases = CASES,
				      .seed = SEED,
				      .kinds = 7,
				      .show = 1,
				      .seconds = SECONDS,
				      .fast = true,
				      .put = put};
	struct sil_report rep;

	(void)state;
	compare(&o, &rep);
	assert_true(rep.all.cases > 1000);
	/* The sandbox holds, and the generator does not make what breaks the child. */
	assert_int_equal(rep.lost, 0);
	assert_int_equal(rep.all.diffs, 0);
	assert_int_equal(rep.all.fast_diffs, 0);
	sil_report_free(&rep);
}

/* Runs add up in a file, and the form with the fewest cases comes first. */
static void test_tally(void **state)
{
	char name[] = "/tmp/vise-silicon.XXXXXX";
	const struct sil_options o = {.cases = 30,
				      .seed = SEED,
				      .kinds = 1 << SIL_K_FORMS,
				      .form = "64 f5 ",
				      .put = put,
				      .tally = name};
	struct sil_options many = o;
	struct sil_report rep;
	struct buf b = {0};
	uint64_t cases = 0;
	int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(name); /* its name is enough */
	compare(&o, &rep);
	assert_int_equal(rep.all.cases + rep.all.dropped, 30);
	sil_report_free(&rep);
	compare(&o, &rep);
	assert_int_equal(rep.all.cases + rep.all.dropped, 60);
	sil_report_free(&rep);
	/* 64 f5 CMC and, among others, 64 66.f5 CMC: what has 60 waits for the rest. */
	many.form = "f5 CMC";
	many.cases = 40;
	compare(&many, &rep);
	for (size_t i = 0; i < rep.nr_forms; i++)
		if (!strcmp(rep.forms[i].name, "64 f5 CMC"))
			cases = rep.by_form[i].cases;
	assert_int_equal(cases, 60);
	assert_int_equal(rep.all.cases + rep.all.dropped, 100);
	assert_int_equal(sil_summary(&b, &rep), 0);
	assert_non_null(strstr(buf_str(&b), "\tCMC\t"));
	buf_free(&b);
	sil_report_free(&rep);
	unlink(name);
}

static bool known(uint64_t from, uint64_t to)
{
	if (from >= SIL_CODE && to <= SIL_CODE + (uint64_t)SIL_SLOTS * SIL_SLOT_SIZE)
		return from % SIL_SLOT_SIZE == 0 && to - from == 0x1000;
	return (from >= SIL_LOW && to <= SIL_LOW + SIL_LOW_SIZE) ||
	       (from >= SIL_RW && to <= SIL_RW + SIL_RW_SIZE) ||
	       (from >= SIL_RO && to <= SIL_RO + SIL_RO_SIZE) ||
	       (from >= SIL_HIGH && to <= SIL_HIGH_END) || from >> 63; /* vsyscall */
}

/* MOV AL, [RBX] in the child, RBX being (at). */
static const struct sil_result *look(struct sil *o, uint64_t at)
{
	static const uint8_t mov[] = {0x8a, 0x03};
	struct sil_case *c = &o->sh->cases[0];
	struct err err = {0};

	memset(c, 0, sizeof(*c));
	c->bits = 64;
	c->in.rip = SIL_CODE + 0x400;
	c->in.rflags = X86_FLAG_FIXED | X86_FLAG_IF;
	c->in.cs = SIL_CS64;
	c->in.ss = c->in.ds = c->in.es = SIL_DS;
	c->in.gpr[X86_RBX] = at;
	c->in.gpr[X86_RSP] = SIL_RW + 0x800;
	st_le16(c->in.fx, 0x37f);
	st_le32(c->in.fx + 24, 0x1f80);
	c->code_off = 0x400;
	c->code_len = sizeof(mov);
	memcpy(c->code, mov, sizeof(mov));
	c->exit_len = (uint8_t)sil_exit_code(64, c->in.rip + sizeof(mov), c->code + sizeof(mov));
	if (sil_run(o, 1, &err))
		fail_msg("%s", err.msg);
	return &o->sh->results[0];
}

/* The child has its world and nothing else: what it was forked with is gone. */
static void test_bare(void **state)
{
	static const char text[] = "of the program";
	const uint64_t gone[] = {(uintptr_t)text, (uintptr_t)state, (uintptr_t)&state,
				 (uintptr_t)malloc, 0x7ffffffff000 - 1};
	struct err err = {0};
	char name[40], line[256];
	unsigned n = 0;
	struct sil o;
	FILE *f;
	int rc = sil_open(&o, 1, &err);

	if (rc == -ENOTSUP) {
		print_message("skipped: %s\n", err.msg);
		skip();
	}
	assert_int_equal(rc, 0);
	snprintf(name, sizeof(name), "/proc/%d/maps", o.pid);
	f = fopen(name, "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *end;
		uint64_t from = strtoull(line, &end, 16), to = strtoull(end + 1, NULL, 16);

		n++;
		if (!known(from, to))
			fail_msg("the child has %s", line);
	}
	if (f)
		fclose(f);
	assert_true(!f || n > SIL_SLOTS);
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		const struct sil_result *r = look(&o, gone[i]);

		assert_int_equal(r->vector, X86_PF);
		assert_int_equal(r->error, 4); /* not present; by a program */
		assert_true(r->cr2 == gone[i]);
	}
	assert_int_equal(look(&o, SIL_RW)->vector, SIL_OK);
	assert_int_equal(o.sh->results[0].out.gpr[X86_RAX], o.sh->rw[0]);
	assert_int_equal(look(&o, SIL_RO)->out.gpr[X86_RAX], o.sh->ro[0]);
	/* Nor does it see the code of another case. */
	assert_int_equal(look(&o, SIL_CODE + SIL_SLOT_SIZE + 0x400)->out.gpr[X86_RAX], SIL_FILL);
	assert_int_equal(o.lost, 0);
	sil_close(&o);
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
		cmocka_unit_test(test_list_of_forms), cmocka_unit_test(test_sees_differences),
		cmocka_unit_test(test_bare),	      cmocka_unit_test(test_tally),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests_name("silicon", tests, NULL, NULL);
}
