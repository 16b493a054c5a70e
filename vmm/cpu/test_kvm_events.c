/* SPDX-License-Identifier: MIT */
/* The kvm back end: interrupts, NMI, windows, the wall-clock limit, signals, guest debug. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "test_kvm.h"

/* ---- interrupts ----------------------------------------------------------------------------- */

#define ISR 0x0600u

/* Real mode: vectors 0x20 and 2 go to an ISR at 0:ISR, `out 0x82, al; iret`. */
static void boot_with_isr(struct rig *r, const void *code, size_t len)
{
	static const uint8_t isr[] = {0xe6, 0x82, 0xcf};
	static const uint8_t vec[] = {ISR & 0xff, ISR >> 8, 0, 0};

	rig_boot(r, X86_REAL, code, len);
	assert_int_equal(gmem_write(r->mem, ISR, isr, sizeof(isr)), 0);
	assert_int_equal(gmem_write(r->mem, 0x20 * 4, vec, sizeof(vec)), 0);
	assert_int_equal(gmem_write(r->mem, 2 * 4, vec, sizeof(vec)), 0);
}

/* The ports written to, in order, against a list that ends with 0. */
static void assert_ports(const struct rig *r, const uint8_t *want)
{
	unsigned w = 0;

	for (unsigned i = 0; i < r->n; i++) {
		if (r->log[i].e.kind != CPU_EXIT_PIO)
			continue;
		assert_int_equal(r->log[i].e.pio.port, want[w]);
		w++;
	}
	assert_int_equal(want[w], 0);
}

static void interrupt_is_taken_at_once(void **state)
{
	static const uint8_t code[] = {0xfb, 0x90, 0xe6, 0x80, 0xe6, 0x81, 0xf4};
	struct rig *r = KVM_RIG(state);

	boot_with_isr(r, code, sizeof(code));
	r->raise_at = 0x80;
	kvm_go(r);
	assert_ports(r, (const uint8_t[]){0x80, 0x82, 0x81, 0});
	assert_int_equal(r->acks, 1);
}

/* STI delays by one instruction: OUT in its shadow raises, OUT after it still comes first or not,
 * but never the ISR before the raising instruction has ended. */
static void interrupt_in_the_shadow(void **state)
{
	static const uint8_t code[] = {0xfb, 0xe6, 0x80, 0xe6, 0x81, 0xf4, 0xf4};
	struct rig *r = KVM_RIG(state);

	boot_with_isr(r, code, sizeof(code));
	r->raise_at = 0x80;
	kvm_go(r);
	if (r->acks == 0)
		kvm_go(r);
	assert_int_equal(r->acks, 1);
	assert_int_equal(r->log[0].e.pio.port, 0x80);
}

static void interrupt_waits_for_the_window(void **state)
{
	/* cli; out 0x80; out 0x83; sti; mov cx, 4000; l: loop l; out 0x84; hlt */
	static const uint8_t code[] = {0xfa, 0xe6, 0x80, 0xe6, 0x83, 0xfb, 0xb9,
				       0xa0, 0x0f, 0xe2, 0xfe, 0xe6, 0x84, 0xf4};
	struct rig *r = KVM_RIG(state);
	bool window = false;

	boot_with_isr(r, code, sizeof(code));
	r->raise_at = 0x80;
	kvm_go(r);
	assert_ports(r, (const uint8_t[]){0x80, 0x83, 0x82, 0x84, 0});
	for (unsigned i = 0; i < trace_count(r->trace); i++)
		window |= trace_last(r->trace, i)->kind == TRACE_IRQ_WINDOW;
	assert_true(window);
	assert_int_equal(trace_last(r->trace, 0)->kind, TRACE_INJECT);
	assert_int_equal(trace_last(r->trace, 0)->addr, 0x20);
}

static void line_may_fall_again(void **state)
{
	static const uint8_t code[] = {0xfa, 0xe6, 0x80, 0xfb, 0xb9, 0xa0,
				       0x0f, 0xe2, 0xfe, 0xe6, 0x84, 0xf4};
	struct rig *r = KVM_RIG(state);

	boot_with_isr(r, code, sizeof(code));
	r->halt_at = 1;
	kvm_go(r);
	r->cpu->ops->intr(r->cpu, true);
	r->cpu->ops->intr(r->cpu, false);
	r->halt_at = 0;
	kvm_go(r);
	assert_ports(r, (const uint8_t[]){0x80, 0x84, 0});
	assert_int_equal(r->acks, 0);
}

static void spurious_delivers_nothing(void **state)
{
	static const uint8_t code[] = {0xfb, 0x90, 0xe6, 0x80, 0xe6, 0x81, 0xf4};
	struct rig *r = KVM_RIG(state);

	boot_with_isr(r, code, sizeof(code));
	r->raise_at = 0x80;
	r->vector = -1;
	kvm_go(r);
	assert_ports(r, (const uint8_t[]){0x80, 0x81, 0});
	assert_int_equal(r->acks, 1);
	/* a vector that is none fails the run, and says so */
	boot_with_isr(r, code, sizeof(code));
	r->vector = 256;
	assert_int_equal(r->cpu->ops->run(r->cpu, 0, WALL), CPU_STOP_ERROR);
	assert_non_null(strstr(r->cpu->error.msg, "KVM_INTERRUPT"));
}

static void interrupt_wakes_from_hlt(void **state)
{
	static const uint8_t code[] = {0xfb, 0xf4, 0xe6, 0x81, 0xfa, 0xf4};
	struct rig *r = KVM_RIG(state);

	boot_with_isr(r, code, sizeof(code));
	r->raise_hlt = true;
	kvm_go(r);
	assert_ports(r, (const uint8_t[]){0x82, 0x81, 0});
	assert_int_equal(r->acks, 1);
}

static void nmi_ignores_if(void **state)
{
	static const uint8_t code[] = {0xfa, 0xe6, 0x80, 0xe6, 0x81, 0xf4};
	struct rig *r = KVM_RIG(state);

	boot_with_isr(r, code, sizeof(code));
	r->halt_at = 1;
	kvm_go(r);
	assert_int_equal(r->cpu->ops->nmi(r->cpu), 0);
	r->halt_at = 0;
	kvm_go(r);
	assert_ports(r, (const uint8_t[]){0x80, 0x82, 0x81, 0});
	assert_int_equal(trace_last(r->trace, 0)->kind, TRACE_INJECT);
	assert_int_equal(trace_last(r->trace, 0)->aux, 1);
}

/* ---- the wall-clock limit ------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#define LIMIT 40 /* ms */

static void spin(struct rig *r)
{
	sigset_t before, after, pending;
	uint64_t t;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	for (unsigned i = 0; i < 2; i++) {
		t = now_ms();
		assert_int_equal(r->cpu->ops->run(r->cpu, 0, LIMIT), CPU_STOP_TIME);
		t = now_ms() - t;
		assert_in_range(t, LIMIT - 2, 2000);
	}
	assert_int_equal(r->n, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_memory_equal(&before, &after, 8);
	sigpending(&pending);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++) {
		assert_false(sigismember(&pending, s));
		assert_false(sigismember(&after, s)); /* nor did an earlier run leave it blocked */
	}
}

static void limit_in_each_mode(void **state)
{
	struct rig *r = KVM_RIG(state);

	for (int m = X86_REAL; m <= X86_LONG; m++) {
		rig_boot_bytes(r, (enum x86_mode)m, 0xeb, 0xfe);
		spin(r);
	}
}

/* All pages become the user's, and CS and SS have DPL 3. */
static void boot_user(struct rig *r, const void *code, size_t len)
{
	struct cpu_state s;

	rig_boot(r, X86_LONG, code, len);
	for (uint64_t gpa = X86_BOOT_PT; gpa < X86_BOOT_PT + 6 * GMEM_PAGE; gpa += 8) {
		uint8_t b;

		assert_int_equal(gmem_read(r->mem, gpa, &b, 1), 0);
		if (!b)
			continue;
		b |= 4;
		assert_int_equal(gmem_write(r->mem, gpa, &b, 1), 0);
	}
	s = rig_state(r);
	s.seg[X86_CS].sel |= 3;
	s.seg[X86_CS].attr |= 3 << 5;
	s.seg[X86_SS].sel |= 3;
	s.seg[X86_SS].attr |= 3 << 5;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
}

static void limit_in_user_mode(void **state)
{
	static const uint8_t code[] = {0xeb, 0xfe};
	struct rig *r = KVM_RIG(state);

	boot_user(r, code, sizeof(code));
	spin(r);
	assert_int_equal(rig_state(r).seg[X86_CS].sel & 3, 3);
	assert_int_equal(rig_state(r).rip, ENTRY);
}

/* A guest that exits all the time is kicked out too, and a limit of one run is gone in the next. */
static void limit_with_exits(void **state)
{
	struct rig *r = KVM_RIG(state);
	unsigned n;

	rig_boot_bytes(r, X86_REAL, 0xe6, 0x80, 0xb9, 0xff, 0x0f, 0xe2, 0xfe, 0xeb, 0xf7);
	assert_int_equal(r->cpu->ops->run(r->cpu, 0, LIMIT), CPU_STOP_TIME);
	n = r->n;
	assert_true(n > 0);
	assert_int_equal(r->cpu->ops->run(r->cpu, 3, 0), CPU_STOP_BUDGET);
	assert_int_equal(r->n, n + 3);
}

static void *limit_in_thread(void *p)
{
	struct rig *r = p;

	return (void *)(intptr_t)r->cpu->ops->run(r->cpu, 0, LIMIT);
}

/* The timer goes where the run is, not where the CPU was made. */
static void limit_follows_the_thread(void **state)
{
	struct rig *r = KVM_RIG(state);
	pthread_t t;
	void *ret;

	rig_boot_bytes(r, X86_REAL, 0xeb, 0xfe);
	assert_int_equal(r->cpu->ops->run(r->cpu, 0, LIMIT), CPU_STOP_TIME);
	assert_int_equal(pthread_create(&t, NULL, limit_in_thread, r), 0);
	assert_int_equal(pthread_join(t, &ret), 0);
	assert_int_equal((intptr_t)ret, CPU_STOP_TIME);
	assert_int_equal(r->cpu->ops->run(r->cpu, 0, LIMIT), CPU_STOP_TIME);
}

static void no_handler(int s)
{
	(void)s;
}

static void other_signals_are_reported(void **state)
{
	struct sigaction sa = {.sa_handler = no_handler}, old;
	struct itimerval t = {{0, 0}, {0, 20000}};
	struct rig *r = KVM_RIG(state);

	rig_boot_bytes(r, X86_REAL, 0xeb, 0xfe);
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &t, NULL);
	kvm_go(r);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(r->n, 1);
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_INTR);
	assert_int_equal(r->cpu->ops->icount(r->cpu), 0);
}

/* ---- guest debug ---------------------------------------------------------------------------- */

static void single_step(void **state)
{
	struct rig *r = KVM_RIG(state);

	rig_boot_bytes(r, X86_PROT, 0x90, 0x40, 0x89, 0xc1, 0x90, 0xf4); /* nop; inc; mov; nop */
	assert_int_equal(r->cpu->ops->debug(r->cpu, true, NULL, 0, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		static const unsigned at[] = {1, 2, 4, 5};

		kvm_go(r);
		assert_int_equal(r->n, i + 1);
		assert_int_equal(r->log[i].e.kind, CPU_EXIT_DEBUG);
		assert_int_equal(r->log[i].e.debug.pc, ENTRY + at[i]);
		assert_int_equal(r->log[i].e.debug.exception, X86_DB);
		assert_true(r->log[i].e.debug.dr6 & 1u << 14); /* BS */
	}
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, NULL, 0, NULL), 0);
	kvm_go(r);
	assert_int_equal(r->log[4].e.kind, CPU_EXIT_HLT);
}

/* KVM emulates the load from where nothing is, and then forgets that it is stepping. */
static void single_step_mmio(void **state)
{
	struct rig *r = KVM_RIG(state);

	/* mov eax, [0xfeb00000]; nop; nop; hlt */
	rig_boot_bytes(r, X86_PROT, 0xa1, 0x00, 0x00, 0xb0, 0xfe, 0x90, 0x90, 0xf4);
	assert_int_equal(r->cpu->ops->debug(r->cpu, true, NULL, 0, NULL), 0);
	kvm_go(r);
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_MMIO);
	for (unsigned i = 1; i <= 3; i++) {
		if (r->n <= i)
			kvm_go(r);
		assert_int_equal(r->log[i].e.kind, CPU_EXIT_DEBUG);
		assert_int_equal(r->log[i].e.debug.pc, ENTRY + 4 + i);
	}
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, NULL, 0, NULL), 0);
}

static void breakpoints(void **state)
{
	struct rig *r = KVM_RIG(state);
	const uint64_t at[] = {ENTRY + 4, ENTRY + 2, 0, 0, 0};
	struct err err = {0};

	rig_boot_bytes(r, X86_PROT, 0x90, 0x90, 0x40, 0x90, 0x40, 0xf4);
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, at, 5, &err), -E2BIG);
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, at, 2, NULL), 0);
	kvm_go(r);
	if (r->log[0].e.kind == CPU_EXIT_HLT) {
		print_message("# this KVM reports no hardware breakpoints\n");
		r->cpu->ops->debug(r->cpu, false, NULL, 0, NULL);
		skip();
	}
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_DEBUG);
	assert_int_equal(r->log[0].e.debug.pc, ENTRY + 2);
	assert_true(r->log[0].e.debug.dr6 & 2);
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, at, 1, NULL), 0);
	kvm_go(r);
	assert_int_equal(r->log[1].e.debug.pc, ENTRY + 4);
	assert_int_equal(r->cpu->ops->debug(r->cpu, false, NULL, 0, NULL), 0);
	kvm_go(r);
	assert_int_equal(r->log[2].e.kind, CPU_EXIT_HLT);
	assert_int_equal(rig_state(r).gpr[X86_RAX], 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kvm_setup, kvm_teardown)
	const struct CMUnitTest tests[] = {
		T(interrupt_is_taken_at_once),
		T(interrupt_in_the_shadow),
		T(interrupt_waits_for_the_window),
		T(line_may_fall_again),
		T(spurious_delivers_nothing),
		T(interrupt_wakes_from_hlt),
		T(nmi_ignores_if),
		T(limit_in_each_mode),
		T(limit_in_user_mode),
		T(limit_with_exits),
		T(limit_follows_the_thread),
		T(other_signals_are_reported),
		T(single_step),
		T(single_step_mmio),
		T(breakpoints),
	};

	return cmocka_run_group_tests_name("cpu/kvm events", tests, NULL, NULL);
}
