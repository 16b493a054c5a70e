/* SPDX-License-Identifier: MIT */
/* Every probe runs, in bounded time, and says why not; on a PVM host it finds what was measured. */
#include <signal.h>
#include <time.h>

#include "test_vm.h"

#define PROBE_LIMIT_MS 5000u /* on a busy host */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void table(void **state)
{
	unsigned n = 0;

	(void)state;
	for (const struct vm_probe *p = vm_probes; p->name; p++, n++) {
		assert_true(p->what && p->what[0]);
		assert_null(strchr(p->what, '\n'));
		if (n && strcmp(p[-1].name, p->name) >= 0)
			fail_msg("%s is not behind %s", p->name, p[-1].name);
	}
	assert_true(n > 60);
}

static void unknown_names(void **state)
{
	char why[100] = "old";

	(void)state;
	assert_int_equal(vm_probe_run("no-such-probe", why, sizeof(why)), -ENOENT);
	assert_int_equal(vm_probe_run("", why, sizeof(why)), -ENOENT);
	assert_int_equal(vm_probe_run("kvm-", why, sizeof(why)), -ENOENT);
}

static void one_probe(void **state)
{
	const struct vm_probe *p = *state;
	char why[240] = "old";
	uint64_t t0 = now_ms();
	int r = vm_probe_run(p->name, why, sizeof(why));

	assert_in_range(now_ms() - t0, 0, PROBE_LIMIT_MS);
	assert_true(r == 0 || r == 1);
	if (!r)
		assert_true(why[0]);
	else
		assert_string_equal(why, "");
	assert_null(strchr(why, '\n'));
	/* any buffer will do, none too */
	memset(why, 'x', sizeof(why));
	vm_probe_run(p->name, why, 4);
	assert_true(memchr(why, '\0', 4) != NULL);
	assert_int_equal(why[4], 'x');
}

/* What KVM-on-PVM was measured to do; the rest of the list differs by its host. */
static const struct {
	const char *name;
	int want;
} pvm[] = {
	{"kvm", 1},
	{"kvm-ac-cpl3", 1},
	{"kvm-bound-prot", 0},
	{"kvm-clac-cpl0", 0},
	{"kvm-cmpxchg16b-cpl0", 0},
	{"kvm-cpuid-cpl0", 0},
	{"kvm-cpuid-cpl3", 0},
	{"kvm-crc32-cpl0", 0},
	{"kvm-daa-prot", 0},
	{"kvm-dirty-log", 1},
	{"kvm-emulation-exit", 1},
	{"kvm-enter-level1", 0},
	{"kvm-fsbase-canonical", 1},
	{"kvm-guest-tf", 1},
	{"kvm-guest-tf-cpl3", 1},
	{"kvm-hw-break", 1},
	{"kvm-hw-break-cpl3", 0},
	{"kvm-hw-watch", 0},
	{"kvm-hypercall-ud", 1},
	{"kvm-icebp-cpl0", 0},
	{"kvm-inject-exception", 1},
	{"kvm-ins-batch", 1},
	{"kvm-int-n-cpl0", 0},
	{"kvm-int-n-cpl3", 0},
	{"kvm-int3-cpl0", 0},
	{"kvm-int3-cpl3", 1},
	{"kvm-int3-prot", 0},
	{"kvm-int3-real", 1},
	{"kvm-int80-prot", 0},
	{"kvm-int80-real", 0},
	{"kvm-interrupt", 1},
	{"kvm-iopl", 0},
	{"kvm-lar-cpl0", 0},
	{"kvm-lzcnt-cpl0", 0},
	{"kvm-mmx-cpl0", 0},
	{"kvm-msr-exits", 1},
	{"kvm-msr-filter", 1},
	{"kvm-nmi", 1},
	{"kvm-paging32", 0},
	{"kvm-popcnt-cpl0", 0},
	{"kvm-readonly-slots", 1},
	{"kvm-rf-pushed", 1},
	{"kvm-shadow", 1},
	{"kvm-ss-noncanonical", 1},
	{"kvm-sse-cpl0", 0},
	{"kvm-step", 1},
	{"kvm-step-cpl3", 0},
	{"kvm-step-hlt", 0},
	{"kvm-sw-break", 0},
	{"kvm-sync-regs", 1},
	{"kvm-sync-regs-in", 0},
	{"kvm-syscall", 0},
	{"kvm-triple-keeps-state", 1},
	{"kvm-tsc-settable", 0},
	{"kvm-tsd-cpl3", 0},
	{"kvm-tzcnt-cpl0", 0},
	{"kvm-ud1-cpl0", 0},
	{"kvm-x87-cpl0", 0},
	{"kvm-xgetbv-cpl0", 0},
	{"silicon-cpl0", 0},
	{"svm", 0},
	{"vmx", 0},
};

static void as_measured_on_pvm(void **state)
{
	bool bad = false;
	char why[240];

	(void)state;
	NEED_KVM();
	if (access("/sys/module/kvm_pvm", F_OK)) {
		print_message("this host's KVM is not kvm_pvm\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_SIZE(pvm); i++) {
		int r = vm_probe_run(pvm[i].name, why, sizeof(why));

		if (r == pvm[i].want)
			continue;
		print_message("%s: %d, not %d: %s\n", pvm[i].name, r, pvm[i].want, why);
		bad = true;
	}
	assert_false(bad);
}

/* Probes leave the thread's signals as they were. */
static void signals_stay(void **state)
{
	sigset_t before, after;
	char why[100];

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	vm_probe_run("kvm-int80-real", why, sizeof(why));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int s = 1; s <= SIGRTMAX; s++)
		assert_int_equal(sigismember(&before, s), sigismember(&after, s));
	sigpending(&after);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
		assert_false(sigismember(&after, s));
}

static void without_path(void **state)
{
	char why[100], *path = getenv("PATH"), *keep = path ? strdup(path) : NULL;

	(void)state;
	setenv("PATH", "/nonexistent::/also/not", 1);
	assert_int_equal(vm_probe_run("nasm", why, sizeof(why)), 0);
	assert_string_equal(why, "nasm is not in PATH");
	unsetenv("PATH");
	assert_int_equal(vm_probe_run("nasm", why, sizeof(why)), 0);
	if (keep)
		setenv("PATH", keep, 1);
	free(keep);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(as_measured_on_pvm),
		cmocka_unit_test(signals_stay),
		cmocka_unit_test(without_path),
	};
	struct CMUnitTest each[100] = {0};
	unsigned n = 0;
	int r;

	/* one test a probe, by its name */
	for (const struct vm_probe *p = vm_probes; p->name && n < ARRAY_SIZE(each); p++)
		each[n++] = (struct CMUnitTest){
			.name = p->name, .test_func = one_probe, .initial_state = (void *)p};
	r = _cmocka_run_group_tests("vm_probe_each", each, n, NULL, NULL);
	return r + cmocka_run_group_tests_name("vm_probe", others, NULL, NULL);
}
