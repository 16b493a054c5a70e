/* SPDX-License-Identifier: MIT */
/*
 * vm: host time on kvm, for guests that wait by it or by the TSC, such as Linux: the clock is brought up
 * to the host's at every exit, the CPU comes back when a timer is due, and HLT sleeps. Such a run does
 * not repeat, and its result says so.
 */
#include <time.h>

#include "vm_priv.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

uint64_t vm_host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* What passed between two runs is no time to the guest. */
void vm_time_start(struct vm *vm, uint64_t wall_ms)
{
	uint64_t now = vm_host_ns();

	vm->host_base = now - clock_now(&vm->clock);
	vm->wall_end = wall_ms ? now + wall_ms * NS_PER_MS : 0;
	vm->r.host_seen = true;
}

void vm_time_follow(struct vm *vm)
{
	uint64_t target = vm_host_ns() - vm->host_base, now = clock_now(&vm->clock);

	if (target > now && clock_advance(&vm->clock, target - now))
		vm->pending |= VM_P_CLOCK;
}

uint64_t vm_time_slice(struct vm *vm, uint64_t ms)
{
	uint64_t due, now = clock_now(&vm->clock), next = clock_next(&vm->clock);

	vm->back_at = next;
	if (next == CLOCK_NEVER)
		return ms;
	due = next > now ? (next - now + NS_PER_MS - 1) / NS_PER_MS : 1;
	return ms && ms < due ? ms : due;
}

bool vm_time_sleep(struct vm *vm)
{
	for (;;) {
		uint64_t host = vm_host_ns(), until;
		struct timespec t;

		vm_time_follow(vm);
		if (vm->r.intr || (vm->pending & VM_P_CLOCK))
			return true;
		if (vm->wall_end && host >= vm->wall_end)
			return true;
		if (input_is_live(vm->input)) {
			if (!vm_wait_input(vm))
				return false;
			if (vm->pending & VM_P_INPUT)
				return true;
			continue;
		}
		if (clock_next(&vm->clock) == CLOCK_NEVER)
			return false;
		until = clock_next(&vm->clock) + vm->host_base;
		if (vm->wall_end && until > vm->wall_end)
			until = vm->wall_end;
		t.tv_sec = (time_t)(until / NS_PER_S);
		t.tv_nsec = (long)(until % NS_PER_S);
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}
