/* SPDX-License-Identifier: MIT */
/* Unit tests: what triage reads out of a replay's words, and what it leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "triage.h"

#define EXITED(n) ((n) << 8) /* a wait status */

static struct triage_verdict v;

static void parse(const char *log, int status)
{
	triage_parse(log, status, &v);
}

static void clean(void **state)
{
	(void)state;
	parse("KTAP version 1\n1..1\nok 1 x\n1 passed, 0 failed, 0 skipped\n", 0);
	assert_int_equal(v.kind, TRIAGE_CLEAN);
	assert_string_equal(v.cause, "");
	/* Words of a failure in a run that ended well are a guest's, or a file's name. */
	parse("ok 1 oracle used-len: 1\n", 0);
	assert_int_equal(v.kind, TRIAGE_CLEAN);
}

static void oracles_by_their_words(void **state)
{
	(void)state;
	parse("1..1\noracle used-len: used.len 5, stored 0x1f0\nnot ok 1 x\n# aborted: an oracle\n"
	      "# where: device virtio-blk0 queue 0\n",
	      EXITED(1));
	assert_int_equal(v.kind, TRIAGE_ORACLE);
	assert_string_equal(v.what, "used-len: used.len 5, stored 0x1f0");
	assert_string_equal(v.cause, "oracle used-len: used.len N, stored N");
	assert_string_equal(v.where, "device virtio-blk0 queue 0");
	/* In a name a digit is no number. */
	parse("oracle load: r8 is v2 of 3\n", 6);
	assert_string_equal(v.cause, "oracle load: r8 is v2 of N");
}

static const char asan[] =
	"==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602 at pc 0x5\n"
	"WRITE of size 4 at 0x602000000014 thread T0\n"
	"    #0 0x7f in memcpy (/lib/x.so+0x1)\n"
	"    #1 0x55 in depth_hit /x/vise/fuzz/engine/depth.h:30:2\n"
	"    #2 0x55 in virtq_push /x/vise/vmm/virtq/virtq.c:390:2\n"
	"    #3 0x55 in LLVMFuzzerTestOneInput /x/vise/fuzz/targets/virtq.c:10:2\n"
	"\n"
	"0x602000000014 is located 0 bytes to the right\n"
	"allocated by thread T0 here:\n"
	"    #1 0x55 in gmem_new /x/vise/vmm/gmem/gmem.c:1:2\n"
	"SUMMARY: AddressSanitizer: heap-buffer-overflow\n";

static void asan_by_its_place(void **state)
{
	(void)state;
	parse(asan, EXITED(1));
	assert_int_equal(v.kind, TRIAGE_ASAN);
	assert_string_equal(v.place, "virtq_push vmm/virtq/virtq.c:390:2");
	assert_string_equal(v.cause, "asan heap-buffer-overflow in virtq_push");
	assert_string_equal(v.access, "WRITE of size 4 at 0x602000000014 thread T0");
	parse("==7==ERROR: AddressSanitizer: requested allocation size 0xfff exceeds\n"
	      "    #1 0x55 in load /x/vmm/load/elf.c:9:1\n",
	      EXITED(1));
	assert_int_equal(v.kind, TRIAGE_MEMORY);
	assert_string_equal(v.cause, "memory allocation in load");
	parse("==7==ERROR: LeakSanitizer: detected memory leaks\n"
	      "    #1 0x55 in load /x/vmm/load/elf.c:9:1\n",
	      EXITED(1));
	assert_int_equal(v.kind, TRIAGE_LEAK);
	assert_string_equal(v.cause, "leak detected in load");
}

static void ubsan_assertions_and_the_rest(void **state)
{
	(void)state;
	parse("/x/vise/vmm/dev/virtio.c:12:3: runtime error: division by zero\n"
	      "    #0 0x55 in virtio_notify /x/vise/vmm/dev/virtio.c:12:3\n",
	      EXITED(1));
	assert_int_equal(v.kind, TRIAGE_UBSAN);
	assert_string_equal(v.what, "division by zero");
	assert_string_equal(v.cause, "ubsan division by zero in virtio_notify");
	parse("x: /x/vise/vmm/bus/bus.c:77: enter: Assertion `!b->depth' failed.\n", 6);
	assert_int_equal(v.kind, TRIAGE_ASSERT);
	assert_string_equal(v.what, "`!b->depth' failed.");
	assert_string_equal(v.place, "enter vmm/bus/bus.c:77");
	assert_string_equal(v.cause, "assert `!b->depth' failed. in enter");
	parse("x: vmm/dev/x.c:7: struct a *do_it(struct io *, int): Assertion `a' failed.\n", 6);
	assert_string_equal(v.place, "do_it vmm/dev/x.c:7");
	assert_string_equal(v.cause, "assert `a' failed. in do_it");
	parse("not ok 1 x\n# no end within the time limit\n", 14);
	assert_int_equal(v.kind, TRIAGE_TIMEOUT);
	parse("==7==ERROR: hard rss limit exhausted (2048Mb vs 2050Mb)\n", EXITED(1));
	assert_int_equal(v.kind, TRIAGE_MEMORY);
	parse("", 9);
	assert_int_equal(v.kind, TRIAGE_SIGNAL);
	assert_string_equal(v.cause, "signal signal 9");
	/* Cut short anywhere it is still something. */
	for (size_t n = 0; n < sizeof(asan); n++) {
		char part[sizeof(asan)];

		memcpy(part, asan, n);
		part[n] = '\0';
		parse(part, EXITED(1));
		assert_int_not_equal(v.kind, TRIAGE_CLEAN);
		assert_true(v.cause[0]);
	}
}

/* ---- minimising, with a script for a replay program ------------------------------------------------ */

/*
 * Fails with one cause where there is an 'A' before a 'B', with another where there is a 'C'. It goes on
 * behind a good input as the real one does.
 */
static const char script[] = "#!/bin/sh\nshift 2\nn=0\nfor f; do\n"
			     "if grep -q C \"$f\"; then echo 'oracle other: 1'; exit 1; fi\n"
			     "if grep -q 'A.*B' \"$f\"; then echo 'oracle ab: 1'; exit 1; fi\n"
			     "n=$((n + 1)); echo \"ok $n $f\"; done\n";

static int set_up(struct triage *t)
{
	struct err err = {0};

	*t = (struct triage){.target = "x", .timeout = 5, .memory_mb = 2048};
	cli_path(t->dir, "/tmp/vise-test-triage.XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	cli_path(t->prog, "%s/prog", t->dir);
	return file_write(t->prog, script, sizeof(script) - 1, &err) || chmod(t->prog, 0755) ? -1
											     : 0;
}

static void tear_down(const struct triage *t)
{
	static const char *const names[] = {"prog", "log"};
	char path[PATH_MAX];

	for (unsigned i = 0; i < 2; i++) {
		cli_path(path, "%s/%s", t->dir, names[i]);
		unlink(path);
	}
	for (unsigned i = 0; i < 40; i++) {
		cli_path(path, "%s/try%u", t->dir, i);
		unlink(path);
	}
	assert_int_equal(rmdir(t->dir), 0);
}

static void smallest_of_the_same_cause(void **state)
{
	uint8_t input[] = "xxxxxxxxCxxxxxAyyyyyByyyyyyyyyyyyyyyyyyyy";
	struct triage_verdict want = {.kind = TRIAGE_ORACLE, .cause = "oracle other: N"};
	size_t len = sizeof(input) - 1;
	struct err err = {0};
	struct triage t;

	(void)state;
	assert_int_equal(set_up(&t), 0);
	assert_int_equal(triage_minimise(&t, input, &len, &want, 200, &err), 0);
	assert_int_equal(len, 1);
	assert_memory_equal(input, "C", 1);
	/* The cause without the C: what has one too fails in another way, and is passed over. */
	memcpy(input, "xxCxxAyyyBzz", 12);
	input[2] = 'x';
	len = 12;
	want = (struct triage_verdict){.kind = TRIAGE_ORACLE, .cause = "oracle ab: N"};
	assert_int_equal(triage_minimise(&t, input, &len, &want, 200, &err), 0);
	assert_int_equal(len, 2);
	assert_memory_equal(input, "AB", 2);
	/* No budget: as it was. */
	memcpy(input, "xxA.B", 5);
	len = 5;
	assert_int_equal(triage_minimise(&t, input, &len, &want, 0, &err), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(input, "xxA.B", 5);
	tear_down(&t);
}

static void zeroes_what_does_not_matter(void **state)
{
	/* Nothing can be left out of it: the place counts. */
	static const char by_place[] = "#!/bin/sh\nshift 2\nn=0\nfor f; do\n"
				       "if [ \"$(tail -c +9 \"$f\" | head -c 1)\" = Q ]; then echo "
				       "'oracle q: 1'; exit 1; fi\n"
				       "n=$((n + 1)); echo \"ok $n $f\"; done\n";
	struct triage_verdict want = {.kind = TRIAGE_ORACLE, .cause = "oracle q: N"};
	uint8_t input[] = "abcdefghQrest";
	size_t len = sizeof(input) - 1;
	struct err err = {0};
	struct triage t;

	(void)state;
	assert_int_equal(set_up(&t), 0);
	assert_int_equal(file_write(t.prog, by_place, sizeof(by_place) - 1, &err), 0);
	assert_int_equal(chmod(t.prog, 0755), 0);
	assert_int_equal(triage_minimise(&t, input, &len, &want, 400, &err), 0);
	assert_int_equal(len, 9);
	assert_memory_equal(input, "\0\0\0\0\0\0\0\0Q", 9);
	tear_down(&t);
}

/* ---- what is left behind --------------------------------------------------------------------------------- */

static bool guest(const char *log, struct buf *out, char why[100])
{
	return triage_guest(log, "a finding", out, why, 100);
}

static void guests_take_the_steps(void **state)
{
	struct buf out = {0};
	char why[100];

	(void)state;
	assert_true(guest("1..1\n> device virtio-blk,base=0xd0000000\n> disk mem:64K\n"
			  "> mmio w 0xd0000070 4 0x1\n> mmio r 0xd0000070 2\n> pio w 0x20 1 0x11\n"
			  "> pio r 0x20 4\n> msr w 0x10 0x100000002\n> msr r 0x10\n"
			  "> mem 0x110000 0102030405060708ff\n> wait 1000\nnot ok 1 x\n",
			  &out, why));
	assert_string_equal(
		buf_str(&out),
		"; SPDX-License-Identifier: MIT\n;@ summary: a finding\n"
		";@ device: virtio-blk,base=0xd0000000\n;@ disk: mem:64K\n"
		"%include \"test.inc\"\n"
		"\tmov\trdi, 0xd0000070\n\tmov\trax, 0x1\n\tmov\t[rdi], eax\n"
		"\tmov\trdi, 0xd0000070\n\tmov\tax, [rdi]\n"
		"\tmov\tdx, 0x20\n\tmov\teax, 0x11\n\tout\tdx, al\n"
		"\tmov\tdx, 0x20\n\tin\teax, dx\n"
		"\tcatch\tstep4\n\tmov\tecx, 0x10\n\tmov\teax, 0x2\n\tmov\tedx, 0x1\n"
		"\twrmsr\nstep4:\tcatch_none\n"
		"\tcatch\tstep5\n\tmov\tecx, 0x10\n\trdmsr\nstep5:\tcatch_none\n"
		"\tmov\tedi, 0x110000\n\tmov\trax, 0x807060504030201\n\tmov\t[rdi], rax\n"
		"\tmov\tedi, 0x110008\n\tmov\trax, 0xff\n\tmov\t[rdi], al\n"
		"\tmov\tecx, 501\nstep7:\tdec\tecx\n\tjnz\tstep7\n\tpass\n");
	buf_free(&out);
}

static void steps_that_no_guest_takes(void **state)
{
	static const char *const bad[] = {"> mmio w 0xd0000070 3 0x1\n",
					  "> pio w 0x20 8 0x1\n",
					  "> pio w 0x10000 1 0x1\n",
					  "> mem 0x7fff 0000\n",
					  "> mem 0xffffff 0000\n",
					  "> mem 0x110000 0g\n",
					  "> reset\n",
					  "> mmio w 0x10 4\n",
					  "> mmio r 0x10 4 0x1\n",
					  "> mem 0x110000\n",
					  "> mmio w x 4 0x1\n",
					  "> wait 1000000000\n"};
	struct buf out = {0};
	char why[100];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(guest(bad[i], &out, why));
		assert_non_null(strstr(why, "no instruction does"));
	}
	assert_false(guest("1..1\nnot ok 1 x\n", &out, why));
	assert_string_equal(why, "the target does not say its steps");
	assert_int_equal(out.len, 0);
}

static void unit_tests_hold_the_input(void **state)
{
	static const uint8_t input[] = {0, 0xff, 7};
	struct buf out = {0};

	(void)state;
	triage_unit_test("virtq", "it */ ends", input, sizeof(input), &out);
	assert_non_null(strstr(buf_str(&out), "{\n\t0x00, 0xff, 0x07,\n}"));
	assert_non_null(strstr(buf_str(&out), "it *. ends"));
	assert_non_null(strstr(buf_str(&out), "LLVMFuzzerTestOneInput(exact, 3);"));
	buf_free(&out);
	triage_unit_test("virtq", "nothing", NULL, 0, &out);
	assert_non_null(strstr(buf_str(&out), "input[] = {0};"));
	assert_non_null(strstr(buf_str(&out), "malloc(1)"));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(oracles_by_their_words),
		cmocka_unit_test(asan_by_its_place),
		cmocka_unit_test(ubsan_assertions_and_the_rest),
		cmocka_unit_test(smallest_of_the_same_cause),
		cmocka_unit_test(zeroes_what_does_not_matter),
		cmocka_unit_test(guests_take_the_steps),
		cmocka_unit_test(steps_that_no_guest_takes),
		cmocka_unit_test(unit_tests_hold_the_input),
	};

	return cmocka_run_group_tests_name("triage", tests, NULL, NULL);
}
