/* SPDX-License-Identifier: MIT */
/* vm: what comes from outside: opened, recorded or replayed, waited for, and how it ends a run. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm_priv.h"

#define HOST_TICK_NS 1000000u /* where the clock follows the host's, that is often enough */
#define NS_PER_MS    1000000ull

/* From a tick: the CPU comes to the boundary. */
static void hook(void *ctx)
{
	struct vm *vm = ctx;

	if (!input_fault(vm->input) && !input_over(vm->input) && !(vm->stop && *vm->stop))
		return;
	vm->pending |= VM_P_INPUT;
	if (vm->cpu)
		vm->cpu->stop = true;
}

int vm_open_input(struct vm *vm, const struct vm_spec *spec, uint64_t *seed, struct err *err)
{
	int r;

	if (spec->record && spec->replay)
		return err_set(err, -EINVAL, "a run is recorded or replayed, not both");
	if ((spec->record || spec->replay) && spec->cpu == VM_CPU_KVM)
		return err_set(err, -ENOTSUP,
			       "record and replay need a CPU that repeats itself: --cpu soft");
	if (spec->replay)
		r = input_replay(&vm->input, &vm->clock, spec->replay, err);
	else
		r = input_new(&vm->input, &vm->clock, spec->record, err);
	/* -ENOENT means no KVM here. */
	if (r == -ENOENT)
		return err_set(err, -EINVAL, "%s", err->msg);
	if (r)
		return r;
	input_set_hook(vm->input, hook, vm);
	return input_value(vm->input, "seed", seed, err);
}

/* Two that take from one terminal would share its bytes at random. */
static int check_stdio(const struct vm_spec *spec, struct err *err)
{
	unsigned n = spec->serial && !strcmp(spec->serial, "stdio");

	for (unsigned i = 0; i < spec->nr_chrs; i++)
		n += !strcmp(spec->chrs[i], "stdio");
	return n < 2 ? 0 : err_set(err, -EINVAL, "chr stdio %u times: there is one", n);
}

int vm_open_chrs(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	char name[INPUT_NAME];
	int r = check_stdio(spec, err);

	if (spec->nr_chrs > VM_CHRS)
		return err_set(err, -EINVAL, "%u character back ends: at most %u", spec->nr_chrs,
			       VM_CHRS);
	if (!r && spec->serial)
		r = chr_open(&vm->serial, spec->serial, "serial", vm->input, err);
	else
		chr_init(&vm->serial, spec->input, spec->input_len);
	for (unsigned i = 0; i < spec->nr_chrs && !r; i++) {
		struct chr *c = calloc(1, sizeof(*c));

		if (!c)
			return err_set(err, -ENOMEM, "no memory for a character back end");
		(void)snprintf(name, sizeof(name), "chr%u", i);
		r = chr_open(c, spec->chrs[i], name, vm->input, err);
		if (r)
			free(c);
		else
			vm->chr[vm->nr_chrs++] = c;
	}
	return r == -ENOENT ? err_set(err, -EINVAL, "%s", err->msg) : r;
}

void vm_prepare_time(struct vm *vm)
{
	/* On kvm a guest that waits without an exit would never come to a tick. */
	if (input_is_live(vm->input) && vm->kind == VM_CPU_KVM) {
		vm->host_time = true;
		vm->exit_ns = 0;
	}
	if (vm->host_time)
		input_set_tick(vm->input, HOST_TICK_NS);
}

int vm_start_input(struct vm *vm, struct err *err)
{
	enum input_mode mode = input_mode(vm->input);
	uint64_t hash = 0;
	int r = mode == INPUT_LIVE ? 0 : vm_hash(vm, &hash, err);

	return r ? r : input_start(vm->input, hash, err);
}

void vm_finish_input(struct vm *vm)
{
	struct err err = {0};
	uint64_t hash = 0;

	/* An end that is the host's or the recording's is none of the guest's. */
	if (vm->input_done || input_mode(vm->input) == INPUT_LIVE || vm->r.verdict == VM_ERROR ||
	    vm->r.verdict == VM_LIMIT)
		return;
	vm->input_done = true;
	if (input_fault(vm->input))
		err_set(&err, -EILSEQ, "%s", input_fault(vm->input));
	else if (!vm_hash(vm, &hash, &err) && !input_finish(vm->input, hash, &err))
		return;
	vm->r.verdict = VM_ERROR;
	vm->r.end = "error";
	(void)snprintf(vm->r.reason, sizeof(vm->r.reason), "%.220s", err.msg);
}

void vm_see_to_input(struct vm *vm)
{
	const char *fault = input_fault(vm->input);

	if (fault)
		vm_end(vm, VM_ERROR, "error", "%s", fault);
	else if (input_over(vm->input))
		vm_end(vm, VM_LIMIT, "limit", "the recording ends here, in the middle of the run");
	else if (vm->stop && *vm->stop)
		vm_end(vm, VM_LIMIT, "limit", "interrupted");
}

bool vm_wait_input(struct vm *vm)
{
	uint64_t ms = 0, now;
	int r;

	if (vm->stop && *vm->stop) {
		vm->pending |= VM_P_INPUT;
		return true;
	}
	if (vm->wall_end) {
		now = vm_host_ns();
		ms = now < vm->wall_end ? (vm->wall_end - now) / NS_PER_MS + 1 : 1;
	}
	r = input_wait(vm->input, input_next_other(vm->input), ms);
	if (r == -ENODATA)
		return false;
	/* The limit, or a signal: who goes on looks at both. */
	if (r == -ETIME || (r == -EINTR && vm->stop && *vm->stop))
		vm->pending |= VM_P_INPUT;
	return true;
}

int vm_close_record(struct vm *vm, struct err *err)
{
	return input_close(vm->input, err);
}

struct input *vm_input(struct vm *vm)
{
	return vm->input;
}

struct chr *vm_chr(struct vm *vm, unsigned i)
{
	return i < vm->nr_chrs ? vm->chr[i] : NULL;
}
