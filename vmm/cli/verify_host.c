/* SPDX-License-Identifier: MIT */
/*
 * The conditions that a run must not depend on. Each is drawn from the run's seed, so that a run can
 * be had again under the same ones.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "verify.h"

#define PAD_MAX 8192u

static uint64_t draw(uint64_t seed, const char *what, uint64_t below)
{
	return hash64(seed, what, strlen(what)) % below;
}

void verify_host_draw(struct verify_host *h, uint64_t seed)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	*h = (struct verify_host){0};
	if (!seed)
		return;
	h->no_aslr = !draw(seed, "aslr", 4);
	h->busy = !draw(seed, "busy", 4);
	h->nice = (unsigned)draw(seed, "nice", 3) * 5;
	h->perturb = (unsigned)draw(seed, "perturb", 256);
	h->pad = (unsigned)draw(seed, "pad", PAD_MAX);
	if (cpus > 1)
		h->cpu = (unsigned)draw(seed, "cpu", (uint64_t)cpus + 1);
	h->rounding = (unsigned)draw(seed, "rounding", 4);
	h->flush = !draw(seed, "flush", 2);
	h->junk = (unsigned)draw(seed, "junk", 256);
	h->alarm_us = draw(seed, "alarm", 2) ? 300 + (unsigned)draw(seed, "us", 2000) : 0;
}

void verify_host_text(const struct verify_host *h, struct buf *out)
{
	static const char *const rounding[] = {"to nearest", "down", "up", "to zero"};

	buf_printf(out, "address layout %s, nice %u, ", h->no_aslr ? "fixed" : "random", h->nice);
	if (h->cpu)
		buf_printf(out, "on CPU %u alone, ", h->cpu - 1);
	buf_printf(out,
		   "%sfresh memory 0x%02x, stack 0x%02x, %u bytes more environment, rounding %s%s",
		   h->busy ? "another process busy, " : "", h->perturb, h->junk, h->pad,
		   rounding[h->rounding & 3], h->flush ? ", denormals flushed" : "");
	if (h->alarm_us)
		buf_printf(out, ", a signal every %u us", h->alarm_us);
}

void verify_host_before(const struct verify_host *h)
{
	char text[32], pad[PAD_MAX + 1];
	cpu_set_t set;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	/* Where one of these is forbidden the run just lacks it. */
	if (h->no_aslr)
		(void)personality(ADDR_NO_RANDOMIZE);
	if (h->nice)
		(void)setpriority(PRIO_PROCESS, 0, (int)h->nice);
	if (h->perturb) {
		(void)snprintf(text, sizeof(text), "%u", h->perturb);
		(void)setenv("MALLOC_PERTURB_", text, 1);
	}
	if (h->pad) {
		memset(pad, 'p', h->pad);
		pad[h->pad] = '\0';
		(void)setenv("VISE_PAD", pad, 1);
	}
	if (h->cpu && h->cpu <= cpus && h->cpu <= CPU_SETSIZE) {
		CPU_ZERO(&set);
		CPU_SET(h->cpu - 1, &set);
		(void)sched_setaffinity(0, sizeof(set), &set);
	}
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* What later calls find below the stack pointer, and in memory that malloc() hands out again. */
__attribute__((noinline)) static void leave_junk(unsigned byte)
{
	volatile unsigned char stack[128 * 1024];
	void *p[64];

	for (size_t i = 0; i < sizeof(stack); i++)
		stack[i] = (unsigned char)byte;
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		size_t size = 24 + i / 4 * 200;

		p[i] = malloc(size);
		if (p[i])
			memset(p[i], (int)byte, size);
		/* It is looked at, as far as the compiler knows. */
		__asm__ volatile("" : : "r"(p[i]) : "memory");
	}
	/* The last one freed is the first one to be had again: both ways. */
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		free(p[byte & 1 ? i : ARRAY_SIZE(p) - 1 - i]);
}

static void set_fpu(unsigned rounding, bool flush)
{
#if defined(__x86_64__)
	unsigned mxcsr = 0x1f80u | (rounding & 3) << 13 | (flush ? 0x8040u : 0);
	unsigned short cw = (unsigned short)(0x037f | (rounding & 3) << 10);

	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(cw));
#else
	(void)rounding;
	(void)flush;
#endif
}

void verify_host_inside(const struct verify_host *h)
{
	struct itimerval every = {.it_interval = {0, h->alarm_us}, .it_value = {0, h->alarm_us}};
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	leave_junk(h->junk);
	if (h->alarm_us) {
		(void)sigaction(SIGALRM, &sa, NULL);
		(void)setitimer(ITIMER_REAL, &every, NULL);
	}
	set_fpu(h->rounding, h->flush);
}
