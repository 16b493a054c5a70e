/* SPDX-License-Identifier: MIT */
/*
 * Unit tests: building guests through the cache, running them, the pool of workers. Guests need
 * nasm and KVM: without, those tests are skipped. Tools that misbehave are shell scripts in PATH.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness_priv.h"

static char dir[64], cache[80], *lib, *old_path;
static struct err err;

static void name(char out[256], const char *file)
{
	snprintf(out, 256, "%s/%s", dir, file);
}

static void put(const char *file, const char *text)
{
	char path[256];

	name(path, file);
	assert_int_equal(file_write(path, text, strlen(text), &err), 0);
}

static void get_spec(struct guest_spec *s, const char *file)
{
	char path[256];

	name(path, file);
	if (guest_spec_read(s, path, GUEST_KVM, &err))
		fail_msg("%s", err.msg);
}

static int make_dir(void **state)
{
	const char *path = getenv("PATH");

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vise-run.XXXXXX");
	if (!mkdtemp(dir) || guest_lib_dir(&lib, &err))
		return -1;
	snprintf(cache, sizeof(cache), "%s/cache", dir);
	old_path = strdup(path ? path : "/usr/bin:/bin");
	return old_path ? 0 : -1;
}

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char sub[1024];

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		remove_all(sub);
	}
	if (d)
		closedir(d);
	remove(path);
}

static int drop_dir(void **state)
{
	(void)state;
	if (old_path)
		setenv("PATH", old_path, 1);
	remove_all(dir);
	free(old_path);
	free(lib);
	lib = old_path = NULL;
	return 0;
}

static bool have(const char *tool)
{
	char *path;

	if (guest_find_tool(tool, tool, &path, NULL))
		return false;
	free(path);
	return true;
}

#define need_tools()                                                                               \
	do {                                                                                       \
		if (!have("nasm") || !have("ld") || !have("objcopy"))                              \
			skip();                                                                    \
	} while (0)
#define need_kvm()                                                                                 \
	do {                                                                                       \
		char why_[160];                                                                    \
		if (vm_probe_run("kvm", why_, sizeof(why_)) != 1)                                  \
			skip();                                                                    \
	} while (0)

#define PASS_ASM ";@ summary: s\n%include \"test.inc\"\n\tpass\n"

static unsigned files(const char *path, const char *suffix)
{
	DIR *d = opendir(path);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name), want = strlen(suffix);

		n += len > want && !strcmp(e->d_name + len - want, suffix);
	}
	if (d)
		closedir(d);
	return n;
}

static void cached(void **state)
{
	char *a, *b, path[256];
	struct guest_spec s;
	struct stat first, again;

	(void)state;
	need_tools();
	put("part.inc", "%define WHAT 1\n");
	put("t.asm",
	    ";@ summary: s\n%include \"part.inc\"\n%include \"test.inc\"\n\tmov eax, WHAT\n\tpass\n");
	get_spec(&s, "t.asm");
	if (guest_assemble(&s, cache, lib, &a, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(stat(a, &first), 0);
	assert_int_equal(guest_assemble(&s, cache, lib, &b, &err), 0);
	assert_string_equal(a, b);
	assert_int_equal(stat(b, &again), 0);
	assert_int_equal(first.st_ino, again.st_ino); /* not built again */
	free(b);
	/* An include that changes gives another image, and changed back the first. */
	put("part.inc", "%define WHAT 2\n");
	assert_int_equal(guest_assemble(&s, cache, lib, &b, &err), 0);
	assert_string_not_equal(a, b);
	free(b);
	put("part.inc", "%define WHAT 1\n");
	assert_int_equal(guest_assemble(&s, cache, lib, &b, &err), 0);
	assert_string_equal(a, b);
	free(b);
	/* So does the mode. */
	s.mode = X86_REAL;
	assert_int_equal(guest_assemble(&s, cache, lib, &b, &err), 0);
	assert_string_not_equal(a, b);
	free(b);
	s.mode = X86_LONG;
	/* An image that was removed is built anew; nothing but whole files is left behind. */
	unlink(a);
	assert_int_equal(guest_assemble(&s, cache, lib, &b, &err), 0);
	assert_string_equal(a, b);
	assert_int_equal(access(b, R_OK), 0);
	free(b);
	s.load = GUEST_ELF;
	assert_int_equal(guest_assemble(&s, cache, lib, &b, &err), 0);
	assert_non_null(strstr(b, ".elf"));
	free(b);
	free(a);
	guest_spec_free(&s);
	name(path, "cache");
	assert_int_equal(files(path, ".tmp"), 0);
	snprintf(path, sizeof(path), "ls -d %s/tmp.* >/dev/null 2>&1", cache);
	assert_int_not_equal(system(path), 0);
}

static void bad_source(void **state)
{
	struct guest_spec s;
	char *image;

	(void)state;
	need_tools();
	put("t.asm", ";@ summary: s\n\tmov eax, 1\n\tbogus eax\n");
	get_spec(&s, "t.asm");
	assert_int_equal(guest_assemble(&s, cache, lib, &image, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "t.asm:3: error:"));
	assert_null(image);
	guest_spec_free(&s);
	/* %include of nothing */
	put("t.asm", ";@ summary: s\n%include \"no-such.inc\"\n");
	get_spec(&s, "t.asm");
	assert_int_equal(guest_assemble(&s, cache, lib, &image, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "no-such.inc"));
	guest_spec_free(&s);
}

static void no_tools(void **state)
{
	struct guest_spec s;
	struct test_opts o = {.cache_dir = cache, .lib_dir = lib};
	struct test_result r;
	char *image;

	(void)state;
	put("t.asm", PASS_ASM);
	get_spec(&s, "t.asm");
	setenv("PATH", dir, 1);
	assert_int_equal(guest_assemble(&s, cache, lib, &image, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "nasm is not installed: install the package nasm"));
	/* the host's lack, not the test's fault */
	assert_int_equal(harness_run_one(&s, &o, &r), 0);
	assert_int_equal(r.verdict, TEST_SKIP);
	test_result_free(&r);
	guest_spec_free(&s);
}

static void workers_do_not_clash(void **state)
{
	struct guest_spec s;
	pid_t pid[6];
	int status;

	(void)state;
	need_tools();
	put("t.asm", PASS_ASM);
	get_spec(&s, "t.asm");
	for (unsigned i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		if (!pid[i]) {
			char *image;
			int rc = guest_assemble(&s, cache, lib, &image, &err);

			_exit(rc || access(image, R_OK) ? 1 : 0);
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(pid); i++) {
		assert_true(waitpid(pid[i], &status, 0) == pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(files(cache, ".bin"), 1);
	guest_spec_free(&s);
}

static enum test_verdict run_text(const char *text, struct test_result *r, bool bless)
{
	struct test_opts o = {.cache_dir = cache, .lib_dir = lib, .bless = bless};
	struct guest_spec s;
	enum test_verdict v;

	put("t.asm", text);
	get_spec(&s, "t.asm");
	assert_int_equal(harness_run_one(&s, &o, r), 0);
	v = r->verdict;
	guest_spec_free(&s);
	return v;
}

static void verdicts(void **state)
{
	struct test_result r;

	(void)state;
	need_tools();
	need_kvm();
	assert_int_equal(run_text(PASS_ASM, &r, false), TEST_PASS);
	assert_null(strstr(r.test, ".asm"));
	test_result_free(&r);
	assert_int_equal(
		run_text(
			";@ summary: s\n%include \"test.inc\"\n\tmov eax, 1\n\tassert_eq eax, 2\n\tpass\n",
			&r, false),
		TEST_FAIL);
	assert_non_null(strstr(r.reason, "t.asm:4: got 0x1, want 0x2"));
	test_result_free(&r);
	/* a guest that spins */
	assert_int_equal(run_text(";@ summary: s\n;@ timeout: 50\n%include \"test.inc\"\n\tjmp $\n",
				  &r, false),
			 TEST_FAIL);
	assert_non_null(strstr(r.reason, "limit"));
	test_result_free(&r);
	assert_int_equal(run_text(";@ cpu: soft\n" PASS_ASM, &r, false), TEST_SKIP);
	test_result_free(&r);
	assert_int_equal(run_text(";@ device: no-such\n" PASS_ASM, &r, false), TEST_ERROR);
	assert_non_null(strstr(r.reason, "no-such"));
	test_result_free(&r);
}

/* An entry of the probe table set by hand: it holds, or it does not. */
static void expected_failures(void **state)
{
	struct test_probes probes;
	struct test_opts o = {.cache_dir = cache, .lib_dir = lib, .probes = &probes};
	struct test_result r;
	struct guest_spec s;

	(void)state;
	need_tools();
	need_kvm();
	assert_int_equal(test_probes_init(&probes), 0);
	for (unsigned i = 0; i < probes.n; i++) {
		probes.p[i].holds = strcmp(vm_probes[i].name, "nasm") != 0;
		snprintf(probes.p[i].why, sizeof(probes.p[i].why), "as measured");
	}
	/* The probe "nasm" does not hold in this table, "ld" does. */
	for (unsigned holds = 0; holds < 2; holds++) {
		static const enum test_verdict want[2][2] = {{TEST_XPASS, TEST_XFAIL},
							     {TEST_PASS, TEST_FAIL}};

		for (unsigned f = 0; f < 2; f++) {
			char text[256];

			snprintf(text, sizeof(text), ";@ xfail: kvm %s it is known\n%s%s",
				 holds ? "ld" : "nasm", f ? ";@ exit: 9\n" : "", PASS_ASM);
			put("t.asm", text);
			get_spec(&s, "t.asm");
			assert_int_equal(harness_run_one(&s, &o, &r), 0);
			assert_int_equal(r.verdict, want[holds][f]);
			if (!holds)
				assert_non_null(strstr(r.reason, "it is known"));
			test_result_free(&r);
			guest_spec_free(&s);
		}
	}
	put("t.asm", ";@ needs: nasm\n" PASS_ASM);
	get_spec(&s, "t.asm");
	assert_int_equal(harness_run_one(&s, &o, &r), 0);
	assert_int_equal(r.verdict, TEST_SKIP);
	assert_string_equal(r.reason, "needs nasm: as measured");
	test_result_free(&r);
	guest_spec_free(&s);
	test_probes_free(&probes);
}

static void blessed(void **state)
{
	struct test_result r;
	char path[256];
	void *text;
	size_t len;

	(void)state;
	need_tools();
	need_kvm();
	/* inline: rewritten in place, and passes from then on */
	assert_int_equal(run_text(";@ exits: hlt\n;@ exits: hlt\n" PASS_ASM, &r, true), TEST_PASS);
	assert_non_null(strstr(r.reason, "anew"));
	test_result_free(&r);
	name(path, "t.asm");
	assert_int_equal(file_read(path, 4096, &text, &len, &err), 0);
	assert_non_null(
		strstr(text, ";@ exits: pio w 0xf4 1 0x0\n;@ exits: end exit\n;@ summary: s\n"));
	assert_null(strstr(text, "hlt"));
	assert_int_equal(run_text(text, &r, false), TEST_PASS);
	test_result_free(&r);
	free(text);
	/* a run that fails otherwise is not blessed */
	assert_int_equal(run_text(";@ exit: 3\n;@ exits: hlt\n" PASS_ASM, &r, true), TEST_FAIL);
	test_result_free(&r);
	assert_int_equal(file_read(path, 4096, &text, &len, &err), 0);
	assert_non_null(strstr(text, ";@ exits: hlt\n"));
	free(text);
	/* beside the test */
	put("t.exits", "");
	assert_int_equal(run_text(PASS_ASM, &r, true), TEST_PASS);
	test_result_free(&r);
	name(path, "t.exits");
	assert_int_equal(file_read(path, 4096, &text, &len, &err), 0);
	assert_string_equal(text, "pio w 0xf4 1 0x0\nend exit\n");
	free(text);
}

/* ---- the pool ---- */

static void script(const char *file, const char *text)
{
	char path[256];

	put(file, text);
	name(path, file);
	assert_int_equal(chmod(path, 0755), 0);
}

static unsigned shown;
static void on_done(void *ctx, const struct pool_task *t)
{
	const struct pool_task *tasks = ctx;

	assert_ptr_equal(t, &tasks[shown]); /* in order */
	shown++;
}

static void pool_isolates(void **state)
{
	struct test_probes probes;
	struct test_opts o = {.cache_dir = cache, .lib_dir = lib, .jobs = 3, .probes = &probes};
	struct guest_spec s[3];
	struct pool_task tasks[3];
	char path[512];

	(void)state;
	assert_int_equal(test_probes_init(&probes), 0);
	for (unsigned i = 0; i < probes.n; i++)
		probes.p[i].holds = 1;
	/* An assembler that kills the worker, one that never ends, one that only fails. */
	script("nasm", "#!/bin/sh\ncase \"$*\" in\n*kill.asm) kill -KILL $PPID ;;\n"
		       "*hang.asm) sleep 60 ;;\nesac\necho \"t.asm:7: error: no\"; exit 1\n");
	snprintf(path, sizeof(path), "%s:%s", dir, old_path);
	setenv("PATH", path, 1);
	put("hang.asm", PASS_ASM);
	put("kill.asm", PASS_ASM);
	put("bad.asm", PASS_ASM);
	get_spec(&s[0], "hang.asm");
	get_spec(&s[1], "kill.asm");
	get_spec(&s[2], "bad.asm");
	for (unsigned i = 0; i < 3; i++)
		tasks[i] = (struct pool_task){.spec = &s[i], .hard_ms = i ? 30000 : 700};
	shown = 0;
	assert_int_equal(pool_run(tasks, 3, &o, on_done, NULL, tasks, &err), 0);
	assert_int_equal(shown, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(tasks[i].result.verdict, TEST_ERROR);
	assert_non_null(strstr(tasks[0].result.reason, "no end after"));
	assert_non_null(strstr(tasks[2].result.reason, "t.asm:7: error: no"));
	assert_non_null(strstr(tasks[1].result.reason, "died of signal 9"));
	for (unsigned i = 0; i < 3; i++) {
		test_result_free(&tasks[i].result);
		guest_spec_free(&s[i]);
	}
	test_probes_free(&probes);
}

static void stopped(void **state)
{
	volatile sig_atomic_t stop = 1;
	struct test_probes probes;
	struct test_opts o = {
		.cache_dir = cache, .lib_dir = lib, .jobs = 1, .probes = &probes, .stop = &stop};
	struct guest_spec s;
	struct pool_task task;

	(void)state;
	assert_int_equal(test_probes_init(&probes), 0);
	put("t.asm", PASS_ASM);
	get_spec(&s, "t.asm");
	task = (struct pool_task){.spec = &s, .hard_ms = 30000};
	shown = 0;
	assert_int_equal(pool_run(&task, 1, &o, on_done, NULL, &task, &err), -EINTR);
	test_result_free(&task.result);
	guest_spec_free(&s);
	test_probes_free(&probes);
}

static void whole_folder(void **state)
{
	char sub[256], *text;
	const char *paths[] = {dir, sub, "/no/such/thing"};
	struct test_totals t;
	struct test_opts o = {.paths = paths,
			      .nr_paths = 3,
			      .cpu = GUEST_SOFT,
			      .cache_dir = cache,
			      .lib_dir = lib};
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	put("b.asm", ";@ summary: second\n;@ cpu: kvm\n");
	put("a.asm", ";@ summary: first\n;@ cpu: kvm\n");
	put("c.asm", ";@ summary: third\n;@ wrong: x\n");
	name(sub, "empty");
	assert_int_equal(file_mkdirs(sub, &err), 0);
	o.list = true;
	o.ktap = f;
	assert_int_equal(harness_test(&o, &t, &err), 0);
	fflush(f);
	assert_non_null(strstr(text, "/a.asm: first\n"));
	assert_true(strstr(text, "/a.asm") < strstr(text, "/b.asm"));
	assert_non_null(strstr(text, "c.asm:2: unknown key 'wrong'"));
	assert_int_equal(t.exit_status, 3);
	rewind(f);
	o.list = false;
	assert_int_equal(harness_test(&o, &t, &err), 0);
	fflush(f);
	assert_int_equal(t.skipped, 2);
	assert_int_equal(t.errors, 3);
	assert_int_equal(t.exit_status, 3);
	assert_non_null(strstr(text, "no guest test (.asm) in this folder"));
	assert_non_null(strstr(text, "/no/such/thing"));
	assert_non_null(strstr(text, "0 passed, 3 failed, 2 skipped\n"));
	fclose(f);
	free(text);
}

/* ---- soft beside kvm ---- */

#define TIME_ASM                                                                                   \
	";@ summary: s\n%s%%include \"test.inc\"\n\tmov ebx, TD + TDO_TIME\n\tmov rax, [rbx]\n\tpass\n"

static unsigned run_file(const char *file, int cpu, struct test_totals *t, char *out, size_t len)
{
	char path[256];
	const char *paths[] = {path};
	struct test_opts o = {
		.paths = paths, .nr_paths = 1, .cpu = cpu, .cache_dir = cache, .lib_dir = lib};
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	name(path, file);
	o.ktap = f;
	assert_int_equal(harness_test(&o, t, &err), 0);
	fclose(f);
	snprintf(out, len, "%s", text);
	free(text);
	return t->passed;
}

static void every_back_end(void **state)
{
	char path[160], out[2000], asm_text[300];
	bool kvm = vm_probe_run("kvm", path, sizeof(path)) == 1;
	struct test_totals t;

	(void)state;
	need_tools();
	put("t.asm", PASS_ASM);
	assert_int_equal(run_file("t.asm", GUEST_SOFT, &t, out, sizeof(out)), 1);
	assert_non_null(strstr(out, "/t (soft)\n"));
	assert_int_equal(t.guests, 0);
	assert_int_equal(run_file("t.asm", -1, &t, out, sizeof(out)), 1u + kvm);
	assert_int_equal(t.guests, kvm);
	assert_int_equal(t.compared, kvm);
	/* what is asked of KVM does not keep soft from running */
	put("t.asm", ";@ summary: s\n;@ needs: kvm-tsc-settable\n%include \"test.inc\"\n\tpass\n");
	assert_int_equal(run_file("t.asm", GUEST_SOFT, &t, out, sizeof(out)), 1);
	/* for kvm alone: skipped by name, or run on it */
	put("t.asm", ";@ summary: s\n;@ cpu: kvm\n%include \"test.inc\"\n\tpass\n");
	assert_int_equal(run_file("t.asm", -1, &t, out, sizeof(out)), kvm);
	assert_int_equal(t.skipped, !kvm);
	assert_int_equal(run_file("t.asm", GUEST_SOFT, &t, out, sizeof(out)), 0);
	assert_int_equal(t.skipped, 1);
	/* the limit is in instructions */
	put("t.asm", ";@ summary: s\n;@ timeout.soft: 50000\n%include \"test.inc\"\n\tjmp $\n");
	assert_int_equal(run_file("t.asm", GUEST_SOFT, &t, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "50000 instructions"));
	if (!kvm)
		return;
	/* the time is not the same on both */
	snprintf(asm_text, sizeof(asm_text), TIME_ASM, "");
	put("t.asm", asm_text);
	assert_int_equal(run_file("t.asm", -1, &t, out, sizeof(out)), 1);
	assert_int_equal(t.failed, 1);
	assert_int_equal(t.compared, 0);
	assert_non_null(strstr(out, "the stream of exits differs from soft's"));
	snprintf(asm_text, sizeof(asm_text), TIME_ASM, ";@ compare: no it reads the time\n");
	put("t.asm", asm_text);
	assert_int_equal(run_file("t.asm", -1, &t, out, sizeof(out)), 2);
	assert_int_equal(t.compared, 0);
	/* nor what is in memory */
	put("t.asm",
	    ";@ summary: s\n;@ exit.soft: 0\n%include \"test.inc\"\n\trdtsc\n\tmov [SCRATCH], eax\n\tpass\n");
	assert_int_equal(run_file("t.asm", -1, &t, out, sizeof(out)), 1);
	assert_non_null(strstr(out, "the final state differs from soft's"));
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, make_dir, drop_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(cached),
		test(bad_source),
		test(no_tools),
		test(workers_do_not_clash),
		test(verdicts),
		test(blessed),
		test(expected_failures),
		test(pool_isolates),
		test(stopped),
		test(whole_folder),
		test(every_back_end),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
