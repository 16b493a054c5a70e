/* SPDX-License-Identifier: MIT */
/* Every wrapper, with what it should do and with what KVM refuses. Skips where there is no KVM. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <vmm/kvm.h>

struct rig {
	struct kvm kvm;
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	uint8_t *ram;
};

#define RAM 0x10000u

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct err err = {0};
	int ret;

	*state = NULL;
	if (!r)
		return -1;
	ret = kvm_open(&r->kvm, NULL, &err);
	if (ret == -ENOENT || ret == -EACCES) {
		print_message("# %s\n", err.msg);
		free(r);
		return 0;
	}
	r->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ret || r->ram == MAP_FAILED || kvm_vm_create(&r->kvm, &r->vm, &err) ||
	    kvm_vcpu_create(&r->vm, 0, &r->vcpu, &err)) {
		print_error("%s\n", err.msg);
		return -1;
	}
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	if (!r)
		return 0;
	kvm_vcpu_close(&r->vcpu);
	kvm_vm_close(&r->vm);
	kvm_close(&r->kvm);
	munmap(r->ram, RAM);
	free(r);
	return 0;
}

#define RIG(state) (*(state) ? (struct rig *)*(state) : (skip(), (struct rig *)NULL))

/* The call fails with the code, and names the ioctl. */
#define assert_fails(call, want, text)                                                             \
	do {                                                                                       \
		struct err err = {0};                                                              \
		assert_int_equal(call, want);                                                      \
		assert_int_equal(err.code, want);                                                  \
		if (!strstr(err.msg, text))                                                        \
			fail_msg("\"%s\" does not name %s", err.msg, text);                        \
	} while (0)

/* ---- /dev/kvm ------------------------------------------------------------------------------- */

static void open_failures(void **state)
{
	char path[] = "/tmp/vise-kvm-XXXXXX";
	struct kvm k;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_fails(kvm_open(&k, "/nowhere/kvm", &err), -ENOENT, "/nowhere/kvm");
	assert_fails(kvm_open(&k, "/dev/null", &err), -EINVAL, "is not KVM");
	assert_fails(kvm_open(&k, path, &err), -EINVAL, "is not KVM");
	assert_fails(kvm_open(&k, "/dev", &err), -EISDIR, "/dev");
	if (geteuid() != 0) {
		chmod(path, 0);
		assert_fails(kvm_open(&k, path, &err), -EACCES, "group kvm");
	}
	unlink(path);
	kvm_close(&k);
}

static void close_is_idempotent(void **state)
{
	struct kvm_vcpu vcpu = {0};
	struct kvm_vm vm = {0};
	struct kvm k = {0};

	(void)state;
	kvm_vcpu_close(&vcpu);
	kvm_vm_close(&vm);
	kvm_close(&k);
	kvm_vcpu_close(&vcpu);
	kvm_vm_close(&vm);
	kvm_close(&k);
	assert_true(fcntl(0, F_GETFD) >= 0 || errno == EBADF);
}

static void capabilities(void **state)
{
	struct rig *r = RIG(state);
	struct kvm none = {.fd = -1};
	struct kvm_vm no_vm = {.fd = -1};

	assert_true(kvm_check(&r->kvm, KVM_CAP_USER_MEMORY) > 0);
	assert_int_equal(kvm_check(&r->kvm, 0x7fffffff), 0);
	assert_true(kvm_vm_check(&r->vm, KVM_CAP_USER_MEMORY) > 0);
	assert_int_equal(kvm_check(&none, KVM_CAP_USER_MEMORY), -EBADF);
	assert_int_equal(kvm_vm_check(&no_vm, KVM_CAP_USER_MEMORY), -EBADF);
}

static void supported_cpuid(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_cpuid_entry2 *e = calloc(256, sizeof(*e));
	struct kvm none = {.fd = -1};
	unsigned n = 256, m = 1;

	assert_non_null(e);
	assert_int_equal(kvm_supported_cpuid(&r->kvm, e, &n, NULL), 0);
	assert_in_range(n, 5, 256);
	assert_int_equal(e[0].function, 0);
	assert_fails(kvm_supported_cpuid(&r->kvm, e, &m, &err), -E2BIG, "KVM_GET_SUPPORTED_CPUID");
	assert_int_equal(m, n);
	assert_fails(kvm_supported_cpuid(&none, e, &m, &err), -EBADF, "KVM_GET_SUPPORTED_CPUID");
	free(e);
}

static void msr_list(void **state)
{
	struct rig *r = RIG(state);
	struct kvm none = {.fd = -1};
	uint32_t nums[1024];
	unsigned n = 1024, m = 1;
	bool star = false;

	assert_int_equal(kvm_msr_list(&r->kvm, nums, &n, NULL), 0);
	for (unsigned i = 0; i < n; i++)
		star |= nums[i] == 0xc0000081;
	assert_true(star);
	assert_fails(kvm_msr_list(&r->kvm, nums, &m, &err), -E2BIG, "KVM_GET_MSR_INDEX_LIST");
	assert_int_equal(m, n);
	assert_fails(kvm_msr_list(&none, nums, &m, &err), -EBADF, "KVM_GET_MSR_INDEX_LIST");
}

/* ---- VM ------------------------------------------------------------------------------------- */

static void vm_and_vcpu(void **state)
{
	struct rig *r = RIG(state);
	struct kvm none = {.fd = -1};
	struct kvm_vm no_vm = {.fd = -1, .kvm = &r->kvm}, vm = {0};
	struct kvm_vcpu vcpu = {0};

	assert_fails(kvm_vm_create(&none, &vm, &err), -EBADF, "KVM_CREATE_VM");
	assert_int_equal(vm.fd, -1);
	assert_fails(kvm_vcpu_create(&no_vm, 0, &vcpu, &err), -EBADF, "KVM_CREATE_VCPU");
	assert_fails(kvm_vcpu_create(&r->vm, 0, &vcpu, &err), -EEXIST, "KVM_CREATE_VCPU");
	assert_null(vcpu.run);
}

static void memory(void **state)
{
	struct rig *r = RIG(state);
	uint64_t log[1] = {0};

	assert_int_equal(
		kvm_set_memory(&r->vm, 3, KVM_MEM_LOG_DIRTY_PAGES, 0x1000, RAM, r->ram, NULL), 0);
	assert_fails(kvm_set_memory(&r->vm, 4, 0, 0x2000, 0x1000, r->ram, &err), -EEXIST,
		     "slot 4, 0x1000 bytes at 0x2000: KVM_SET_USER_MEMORY_REGION");
	assert_fails(kvm_set_memory(&r->vm, 4, 0, 0x100001, 0x1000, r->ram, &err), -EINVAL,
		     "slot 4");
	assert_int_equal(kvm_get_dirty_log(&r->vm, 3, log, NULL), 0);
	assert_fails(kvm_get_dirty_log(&r->vm, 9, log, &err), -ENOENT, "slot 9: KVM_GET_DIRTY_LOG");
	assert_int_equal(kvm_set_memory(&r->vm, 3, 0, 0x1000, 0, NULL, NULL), 0);
	assert_fails(kvm_get_dirty_log(&r->vm, 3, log, &err), -ENOENT, "KVM_GET_DIRTY_LOG");
}

static void vm_addresses(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vm no_vm = {.fd = -1}, fresh;

	assert_int_equal(kvm_set_tss_addr(&r->vm, 0xfffbd000, NULL), 0);
	assert_fails(kvm_set_tss_addr(&no_vm, 0, &err), -EBADF, "KVM_SET_TSS_ADDR");
	/* only before there is a vCPU */
	assert_fails(kvm_set_identity_map_addr(&r->vm, 0xfffbc000, &err), -EINVAL,
		     "KVM_SET_IDENTITY_MAP_ADDR");
	assert_int_equal(kvm_vm_create(&r->kvm, &fresh, NULL), 0);
	assert_int_equal(kvm_set_identity_map_addr(&fresh, 0xfffbc000, NULL), 0);
	kvm_vm_close(&fresh);
}

static void caps_and_filter(void **state)
{
	struct rig *r = RIG(state);
	uint64_t deny = 0;
	struct kvm_msr_filter_range range = {
		.flags = KVM_MSR_FILTER_READ,
		.base = 0x1000,
		.nmsrs = 1,
		.bitmap = (uint8_t *)&deny,
	};

	assert_fails(kvm_vm_enable_cap(&r->vm, 0x7fffffff, 0, &err), -EINVAL,
		     "capability 2147483647: KVM_ENABLE_CAP");
	assert_fails(kvm_set_msr_filter(&r->vm, 0, &range, KVM_MSR_FILTER_MAX_RANGES + 1, &err),
		     -E2BIG, "17 ranges");
	if (kvm_vm_check(&r->vm, KVM_CAP_X86_USER_SPACE_MSR) > 0)
		assert_int_equal(kvm_vm_enable_cap(&r->vm, KVM_CAP_X86_USER_SPACE_MSR,
						   KVM_MSR_EXIT_REASON_FILTER, NULL),
				 0);
	if (kvm_vm_check(&r->vm, KVM_CAP_X86_MSR_FILTER) <= 0)
		skip();
	assert_int_equal(kvm_set_msr_filter(&r->vm, 0, &range, 1, NULL), 0);
	assert_int_equal(kvm_set_msr_filter(&r->vm, 0, NULL, 0, NULL), 0);
	range.flags = 0xff;
	assert_fails(kvm_set_msr_filter(&r->vm, 0, &range, 1, &err), -EINVAL,
		     "KVM_X86_SET_MSR_FILTER");
}

/* ---- vCPU: each pair of get and set --------------------------------------------------------- */

static void registers(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_sregs s, s2;
	struct kvm_regs g, g2;

	assert_int_equal(kvm_get_regs(&r->vcpu, &g, NULL), 0);
	g.rax = 0x1234;
	assert_int_equal(kvm_set_regs(&r->vcpu, &g, NULL), 0);
	assert_int_equal(kvm_get_regs(&r->vcpu, &g2, NULL), 0);
	assert_memory_equal(&g, &g2, sizeof(g));
	assert_int_equal(kvm_get_sregs(&r->vcpu, &s, NULL), 0);
	s.fs.base = 0x1230;
	assert_int_equal(kvm_set_sregs(&r->vcpu, &s, NULL), 0);
	assert_int_equal(kvm_get_sregs(&r->vcpu, &s2, NULL), 0);
	assert_int_equal(s2.fs.base, 0x1230);
	s.cr0 = 1ull << 31;
	assert_fails(kvm_set_sregs(&r->vcpu, &s, &err), -EINVAL, "KVM_SET_SREGS");
	assert_fails(kvm_get_regs(&none, &g, &err), -EBADF, "KVM_GET_REGS");
	assert_fails(kvm_set_regs(&none, &g, &err), -EBADF, "KVM_SET_REGS");
	assert_fails(kvm_get_sregs(&none, &s, &err), -EBADF, "KVM_GET_SREGS");
}

static void fpu_and_xsave(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_fpu f, f2;
	struct kvm_xsave x;

	assert_int_equal(kvm_get_fpu(&r->vcpu, &f, NULL), 0);
	f.fcw = 0x27f;
	assert_int_equal(kvm_set_fpu(&r->vcpu, &f, NULL), 0);
	assert_int_equal(kvm_get_fpu(&r->vcpu, &f2, NULL), 0);
	assert_int_equal(f2.fcw, 0x27f);
	assert_int_equal(kvm_get_xsave(&r->vcpu, &x, NULL), 0);
	x.region[0] = 0x17f;
	x.region[128] |= 1; /* XSTATE_BV: the x87 part is there */
	assert_int_equal(kvm_set_xsave(&r->vcpu, &x, NULL), 0);
	assert_int_equal(kvm_get_fpu(&r->vcpu, &f2, NULL), 0);
	assert_int_equal(f2.fcw, 0x17f);
	x.region[6] = 0xffffffff; /* MXCSR */
	assert_fails(kvm_set_xsave(&r->vcpu, &x, &err), -EINVAL, "KVM_SET_XSAVE");
	assert_fails(kvm_get_fpu(&none, &f, &err), -EBADF, "KVM_GET_FPU");
	assert_fails(kvm_set_fpu(&none, &f, &err), -EBADF, "KVM_SET_FPU");
	assert_fails(kvm_get_xsave(&none, &x, &err), -EBADF, "KVM_GET_XSAVE");
}

static void xcrs(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_xcrs x;

	if (kvm_check(&r->kvm, KVM_CAP_XCRS) <= 0)
		skip();
	assert_int_equal(kvm_get_xcrs(&r->vcpu, &x, NULL), 0);
	assert_int_equal(x.nr_xcrs, 1);
	assert_int_equal(kvm_set_xcrs(&r->vcpu, &x, NULL), 0);
	x.xcrs[0].value = 0; /* x87 may not be off */
	assert_fails(kvm_set_xcrs(&r->vcpu, &x, &err), -EINVAL, "KVM_SET_XCRS");
	assert_fails(kvm_get_xcrs(&none, &x, &err), -EBADF, "KVM_GET_XCRS");
}

static void debugregs_and_events(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_vcpu_events e, e2;
	struct kvm_debugregs d, d2;

	assert_int_equal(kvm_get_debugregs(&r->vcpu, &d, NULL), 0);
	d.db[1] = 0x4321;
	assert_int_equal(kvm_set_debugregs(&r->vcpu, &d, NULL), 0);
	assert_int_equal(kvm_get_debugregs(&r->vcpu, &d2, NULL), 0);
	assert_int_equal(d2.db[1], 0x4321);
	d.dr7 = 1ull << 40;
	assert_fails(kvm_set_debugregs(&r->vcpu, &d, &err), -EINVAL, "KVM_SET_DEBUGREGS");
	assert_int_equal(kvm_get_events(&r->vcpu, &e, NULL), 0);
	e.nmi.masked = 1;
	assert_int_equal(kvm_set_events(&r->vcpu, &e, NULL), 0);
	assert_int_equal(kvm_get_events(&r->vcpu, &e2, NULL), 0);
	assert_int_equal(e2.nmi.masked, 1);
	e.flags = 0x80000000;
	assert_fails(kvm_set_events(&r->vcpu, &e, &err), -EINVAL, "KVM_SET_VCPU_EVENTS");
	assert_fails(kvm_get_debugregs(&none, &d, &err), -EBADF, "KVM_GET_DEBUGREGS");
	assert_fails(kvm_get_events(&none, &e, &err), -EBADF, "KVM_GET_VCPU_EVENTS");
}

static void mp_state(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	uint32_t s = 99;

	assert_int_equal(kvm_get_mp_state(&r->vcpu, &s, NULL), 0);
	assert_int_equal(s, KVM_MP_STATE_RUNNABLE);
	assert_int_equal(kvm_set_mp_state(&r->vcpu, KVM_MP_STATE_RUNNABLE, NULL), 0);
	assert_fails(kvm_set_mp_state(&r->vcpu, 77, &err), -EINVAL, "KVM_SET_MP_STATE");
	assert_fails(kvm_get_mp_state(&none, &s, &err), -EBADF, "KVM_GET_MP_STATE");
}

static void msrs(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_msr_entry m[3] = {{.index = 0xc0000081, .data = 0x8000000000000},
				     {.index = 0x7777, .data = 1},
				     {.index = 0x174, .data = 8}};
	struct kvm_msr_entry *many = calloc(5000, sizeof(*many));

	assert_non_null(many);
	assert_int_equal(kvm_set_msrs(&r->vcpu, m, 1, NULL), 1);
	m[0].data = 0;
	assert_int_equal(kvm_get_msrs(&r->vcpu, m, 1, NULL), 1);
	assert_int_equal(m[0].data, 0x8000000000000);
	assert_int_equal(kvm_get_msrs(&r->vcpu, m, 3, NULL), 1); /* the second is none */
	assert_int_equal(kvm_set_msrs(&r->vcpu, m, 3, NULL), 1);
	assert_int_equal(kvm_get_msrs(&r->vcpu, NULL, 0, NULL), 0);
	/* more than go on the stack */
	for (unsigned i = 0; i < 100; i++)
		many[i].index = 0x174;
	assert_int_equal(kvm_get_msrs(&r->vcpu, many, 100, NULL), 100);
	assert_fails(kvm_get_msrs(&r->vcpu, many, 5000, &err), -E2BIG, "KVM_GET_MSRS");
	assert_fails(kvm_set_msrs(&none, m, 1, &err), -EBADF, "KVM_SET_MSRS");
	free(many);
}

static void cpuid(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_cpuid_entry2 e[2] = {{.function = 0, .eax = 1}, {.function = 1}};

	assert_int_equal(kvm_set_cpuid(&r->vcpu, e, 2, NULL), 0);
	assert_int_equal(kvm_set_cpuid(&r->vcpu, NULL, 0, NULL), 0);
	assert_fails(kvm_set_cpuid(&r->vcpu, e, 257, &err), -E2BIG, "KVM_SET_CPUID2");
	assert_fails(kvm_set_cpuid(&none, e, 2, &err), -EBADF, "KVM_SET_CPUID2");
}

static void interrupts_and_debug(void **state)
{
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_guest_debug d = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};
	sigset_t set;

	assert_int_equal(kvm_interrupt(&r->vcpu, 0x20, NULL), 0);
	assert_fails(kvm_interrupt(&r->vcpu, 0x100, &err), -EINVAL, "KVM_INTERRUPT");
	assert_int_equal(kvm_nmi(&r->vcpu, NULL), 0);
	assert_fails(kvm_nmi(&none, &err), -EBADF, "KVM_NMI");
	assert_true(kvm_get_tsc_khz(&r->vcpu, NULL) > 100000);
	assert_fails(kvm_get_tsc_khz(&none, &err), -EBADF, "KVM_GET_TSC_KHZ");
	assert_int_equal(kvm_set_tsc_khz(&r->vcpu, (unsigned)kvm_get_tsc_khz(&r->vcpu, NULL), NULL),
			 0);
	assert_fails(kvm_set_tsc_khz(&none, 1000000, &err), -EBADF, "KVM_SET_TSC_KHZ");
	assert_int_equal(kvm_set_guest_debug(&r->vcpu, &d, NULL), 0);
	assert_fails(kvm_set_guest_debug(&none, &d, &err), -EBADF, "KVM_SET_GUEST_DEBUG");
	sigemptyset(&set);
	assert_int_equal(kvm_set_signal_mask(&r->vcpu, &set, NULL), 0);
	assert_int_equal(kvm_set_signal_mask(&r->vcpu, NULL, NULL), 0);
	assert_fails(kvm_set_signal_mask(&none, &set, &err), -EBADF, "KVM_SET_SIGNAL_MASK");
}

static void run(void **state)
{
	static const uint8_t code[] = {0xb0, 0x41, 0xe6, 0xe9, 0xf4};
	struct rig *r = RIG(state);
	struct kvm_vcpu none = {.fd = -1};
	struct kvm_run *run = r->vcpu.run;
	struct kvm_sregs s;
	struct kvm_regs g = {.rip = 0x100, .rflags = 2};

	memcpy(r->ram + 0x100, code, sizeof(code));
	assert_int_equal(kvm_set_memory(&r->vm, 0, 0, 0, RAM, r->ram, NULL), 0);
	assert_int_equal(kvm_get_sregs(&r->vcpu, &s, NULL), 0);
	s.cs.base = s.cs.selector = 0;
	assert_int_equal(kvm_set_sregs(&r->vcpu, &s, NULL), 0);
	assert_int_equal(kvm_set_regs(&r->vcpu, &g, NULL), 0);
	assert_int_equal(kvm_run(&r->vcpu, NULL), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_IO);
	assert_int_equal(run->io.port, 0xe9);
	run->immediate_exit = 1;
	{
		struct err err = {0};

		assert_int_equal(kvm_run(&r->vcpu, &err), -EINTR);
		assert_int_equal(err.code, 0);
	}
	run->immediate_exit = 0;
	assert_int_equal(kvm_run(&r->vcpu, NULL), 0);
	assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
	assert_fails(kvm_run(&none, &err), -EBADF, "KVM_RUN");
}

/* A 32-bit code segment, a 64-bit one, a TSS: each bit of what the descriptor says is where KVM has it. */
static void segments(void **state)
{
	struct kvm_segment k = kvm_segment_of(0x10, 0x1234567890, 0xfffff, 0xc09b);

	(void)state;
	assert_int_equal(k.selector, 0x10);
	assert_int_equal(k.base, 0x1234567890);
	assert_int_equal(k.limit, 0xfffff);
	assert_int_equal(k.type, 11);
	assert_int_equal(k.s, 1);
	assert_int_equal(k.dpl, 0);
	assert_int_equal(k.present, 1);
	assert_int_equal(k.avl, 0);
	assert_int_equal(k.l, 0);
	assert_int_equal(k.db, 1);
	assert_int_equal(k.g, 1);
	assert_int_equal(k.unusable, 0);
	k = kvm_segment_of(0, 0, 0, 0x20fb);
	assert_int_equal(k.dpl, 3);
	assert_int_equal(k.l, 1);
	assert_int_equal(k.db, 0);
	assert_int_equal(k.g, 0);
	k = kvm_segment_of(0, 0, 0, 0x1089);
	assert_int_equal(k.type, 9);
	assert_int_equal(k.s, 0);
	assert_int_equal(k.avl, 1);
}

static void reason_names(void **state)
{
	unsigned known = 0;

	(void)state;
	assert_string_equal(kvm_exit_reason_name(0), "KVM_EXIT_UNKNOWN");
	assert_string_equal(kvm_exit_reason_name(2), "KVM_EXIT_IO");
	assert_string_equal(kvm_exit_reason_name(17), "KVM_EXIT_INTERNAL_ERROR");
	assert_string_equal(kvm_exit_reason_name(39), "KVM_EXIT_MEMORY_FAULT");
	assert_string_equal(kvm_exit_reason_name(41), "KVM_EXIT_ARM_SEA");
	for (uint32_t i = 0; i < 1000; i++)
		known += kvm_exit_reason_name(i) != NULL;
	assert_int_equal(known, 42);
	assert_null(kvm_exit_reason_name(42));
	assert_null(kvm_exit_reason_name(UINT32_MAX));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_failures),
		cmocka_unit_test(close_is_idempotent),
		cmocka_unit_test(reason_names),
		cmocka_unit_test(segments),
		T(capabilities),
		T(supported_cpuid),
		T(msr_list),
		T(vm_and_vcpu),
		T(memory),
		T(vm_addresses),
		T(caps_and_filter),
		T(registers),
		T(fpu_and_xsave),
		T(xcrs),
		T(debugregs_and_events),
		T(mp_state),
		T(msrs),
		T(cpuid),
		T(interrupts_and_debug),
		T(run),
	};

	return cmocka_run_group_tests_name("kvm", tests, NULL, NULL);
}
