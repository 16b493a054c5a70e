/* SPDX-License-Identifier: MIT */
/*
 * cpu: the wall-clock limit of the kvm back end, without a signal handler, a thread or anything
 * process-wide: a POSIX timer sends a real-time signal to this thread, which blocks it for the time
 * of run(); KVM_SET_SIGNAL_MASK unblocks it inside KVM_RUN alone, which then comes back with EINTR
 * and leaves the signal pending; sigtimedwait() takes it away.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu_kvm.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define MS_MAX (1000ull * 86400 * 365) /* a year: time_t holds it everywhere */

static int kick_signal(void)
{
	return SIGRTMIN + 6;
}

static void only(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, kick_signal());
}

static int make_timer(struct cpu_kvm *k, pid_t tid, struct err *err)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = kick_signal(),
		.sigev_value.sival_ptr = k,
	};

	cpu_kick_free(k);
	ev.sigev_notify_thread_id = tid;
	if (timer_create(CLOCK_MONOTONIC, &ev, &k->kick.timer)) {
		int code = -errno;

		return err_set(err, code, "timer_create for the time limit: %s", strerror(-code));
	}
	k->kick.have = true;
	k->kick.tid = tid;
	return 0;
}

/* Tell KVM_RUN its mask, where it changed: the thread's without our signal. */
static int set_mask(struct cpu_kvm *k, struct err *err)
{
	sigset_t inside = k->kick.outside;
	int r;

	sigdelset(&inside, kick_signal());
	if (k->kick.mask_set && !memcmp(&inside, &k->kick.inside, sizeof(inside)))
		return 0;
	r = kvm_set_signal_mask(&k->vcpu, &inside, err);
	if (r)
		return r;
	k->kick.inside = inside;
	k->kick.mask_set = true;
	return 0;
}

int cpu_kick_start(struct cpu_kvm *k, uint64_t ms, struct err *err)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);
	struct itimerspec at = {{0, 0}, {0, 0}};
	sigset_t ours;
	int r = 0;

	if (!k->kick.have || k->kick.tid != tid)
		r = make_timer(k, tid, err);
	if (r)
		return r;
	only(&ours);
	r = -pthread_sigmask(SIG_BLOCK, &ours, &k->kick.outside);
	if (r)
		return err_set(err, r, "pthread_sigmask for the time limit: %s", strerror(-r));
	k->kick.armed = true;
	r = set_mask(k, err);
	if (!r) {
		if (ms > MS_MAX)
			ms = MS_MAX;
		at.it_value.tv_sec = (time_t)(ms / 1000);
		at.it_value.tv_nsec = (long)(ms % 1000) * 1000000;
		if (timer_settime(k->kick.timer, 0, &at, NULL))
			r = err_set(err, -errno, "timer_settime for the time limit: %s",
				    strerror(errno));
	}
	if (r)
		cpu_kick_end(k);
	return r;
}

bool cpu_kick_due(struct cpu_kvm *k)
{
	const struct timespec now = {0, 0};
	siginfo_t info;
	sigset_t ours;
	bool due = false;

	if (!k->kick.armed)
		return false;
	only(&ours);
	/* Real-time signals queue: take all there are. */
	while (sigtimedwait(&ours, &info, &now) > 0) {
		if (info.si_code == SI_TIMER && info.si_value.sival_ptr == k)
			due = true;
		else
			k->kick.foreign = true;
	}
	return due;
}

void cpu_kick_end(struct cpu_kvm *k)
{
	const struct itimerspec off = {{0, 0}, {0, 0}};
	bool foreign;

	if (!k->kick.armed)
		return;
	timer_settime(k->kick.timer, 0, &off, NULL);
	cpu_kick_due(k);
	foreign = k->kick.foreign;
	k->kick.armed = false;
	k->kick.foreign = false;
	pthread_sigmask(SIG_SETMASK, &k->kick.outside, NULL);
	if (foreign)
		raise(kick_signal());
}

void cpu_kick_free(struct cpu_kvm *k)
{
	if (k->kick.have)
		timer_delete(k->kick.timer);
	k->kick.have = false;
}
