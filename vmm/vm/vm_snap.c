/* SPDX-License-Identifier: MIT */
/*
 * vm: snapshots and the state's hash. Memory is restored page by dirty page; the rest is small and
 * goes through the state tables.
 */
#include <errno.h>
#include <stdlib.h>

#include "vm_priv.h"

struct vm_snap {
	struct gmem_snap *mem;
	struct cpu_state cpu;
	uint64_t now;
	uint64_t icount;
	struct buf dev;			  /* every device's saved form, in order */
	struct chr_snap chr[2 + VM_CHRS]; /* chr_at() */
	struct vm_run_state r;
};

/* Which of the machine's (i)-th: the serial port's, the console's, then the others. */
static struct chr *chr_at(struct vm *vm, unsigned i)
{
	return i == 0 ? &vm->serial : i == 1 ? &vm->console : vm->chr[i - 2];
}

static int save_chrs(struct vm *vm, struct vm_snap *s, struct err *err)
{
	for (unsigned i = 0; i < vm->nr_chrs + 2; i++)
		if (chr_save(&s->chr[i], chr_at(vm, i)))
			return err_set(err, -ENOMEM, "no memory for the snapshot's serial output");
	return 0;
}

static int load_chrs(struct vm *vm, const struct vm_snap *s, struct err *err)
{
	for (unsigned i = 0; i < vm->nr_chrs + 2; i++)
		if (chr_load(chr_at(vm, i), &s->chr[i]))
			return err_set(err, -ENOMEM, "no memory for the serial output");
	return 0;
}

static int mark_back_ends(struct vm *vm, const struct vm_snap *s, struct err *err)
{
	for (unsigned i = 0; i < vm->nr_disks; i++) {
		int r = vm->disk[i]->read_only ? 0 : blk_mark(vm->disk[i]);

		if (r)
			return err_set(err, r,
				       "disk %u cannot go back to a snapshot: its changes "
				       "go to a file; leave rw out",
				       i);
	}
	for (unsigned i = 0; i < vm->nr_nets; i++) {
		int r = net_mark(vm->net[i], err);

		if (r)
			return r;
	}
	vm->disk_snap = s;
	return 0;
}

static int rewind_disks(struct vm *vm, const struct vm_snap *s, struct err *err)
{
	if ((vm->nr_disks || vm->nr_nets) && vm->disk_snap != s)
		return err_set(err, -EINVAL,
			       "disks and networks go back to the newest snapshot only");
	for (unsigned i = 0; i < vm->nr_disks; i++) {
		int r = vm->disk[i]->read_only ? 0 : blk_rewind(vm->disk[i]);

		if (r)
			return err_set(err, r, "disk %u does not go back", i);
	}
	return 0;
}

/* The clock is back already: they arm timers. */
static int rewind_nets(struct vm *vm, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; i < vm->nr_nets && !r; i++)
		r = net_rewind(vm->net[i], err);
	return r;
}

int vm_snap(struct vm *vm, struct vm_snap **out, struct err *err)
{
	struct vm_snap *s;
	int r;

	*out = NULL;
	if (!vm->track_dirty)
		return err_set(
			err, -EINVAL,
			"this machine keeps no log of dirty pages: make it with track_dirty");
	if (input_is_live(vm->input) || input_mode(vm->input) == INPUT_RECORD)
		return err_set(err, -ENOTSUP,
			       "a machine with live input does not go back: what came from "
			       "outside would be lost; record it, and go back in replay");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "no memory for a snapshot");
	r = vm->cpu->ops->get(vm->cpu, &s->cpu, err);
	for (unsigned i = 0; i < vm->nr_dev && !r; i++) {
		r = dev_save(vm->dev[i], &s->dev);
		if (r)
			err_set(err, r, "device %s does not save", vm->dev[i]->name);
	}
	r = r ? r : save_chrs(vm, s, err);
	s->now = vm->clock.now;
	s->icount = vm->cpu->ops->icount(vm->cpu) - vm->icount_extra;
	s->r = vm->r;
	/* What the guest wrote so far belongs to the snapshot, not to what changes after it. */
	r = r ? r : vm->cpu->ops->sync_dirty(vm->cpu, err);
	r = r ? r : gmem_snap(vm->mem, &s->mem, err);
	/* Last: from here on no older snapshot can be restored. */
	r = r ? r : mark_back_ends(vm, s, err);
	if (r) {
		vm_snap_free(s);
		return r;
	}
	*out = s;
	return 0;
}

static int load_devices(struct vm *vm, const struct vm_snap *s, struct err *err)
{
	size_t at = 0;

	for (unsigned i = 0; i < vm->nr_dev; i++) {
		size_t used = 0;
		int r = dev_load(vm->dev[i], s->dev.p + at, s->dev.len - at, &used, err);

		if (r)
			return r;
		at += used;
	}
	return at == s->dev.len ? 0 : err_set(err, -EINVAL, "the snapshot is of another machine");
}

int vm_restore(struct vm *vm, const struct vm_snap *s, struct err *err)
{
	bool debugged = vm->r.step_left || vm->r.brk_armed;
	int r = rewind_disks(vm, s, err);

	r = r ? r : vm->cpu->ops->sync_dirty(vm->cpu, err);
	if (r)
		return r;
	r = gmem_restore(vm->mem, s->mem);
	if (r)
		return err_set(err, r,
			       "the memory regions are not those of the snapshot: restore it "
			       "before they change");
	/* Devices re-arm their timers by deadline: time first. */
	vm->clock.now = s->now;
	r = rewind_nets(vm, err);
	r = r ? r : load_devices(vm, s, err);
	if (r)
		return r;
	r = vm->cpu->ops->set(vm->cpu, &s->cpu, err);
	if (!r)
		r = load_chrs(vm, s, err);
	if (r)
		return r;
	input_rearm(vm->input);
	vm->r = s->r;
	vm->input_done = false;
	vm->icount_extra = vm->cpu->ops->icount(vm->cpu) - s->icount;
	vm->pending = 0;
	r = vm->cpu->ops->intr(vm->cpu, vm->r.intr);
	if (r)
		return err_set(err, r, "the CPU refuses its interrupt line");
	if (debugged || vm->r.step_left || vm->r.brk_armed)
		r = vm_hostop_arm_debug(vm, err);
	trace_clear(vm->trace);
	return r;
}

void vm_snap_free(struct vm_snap *s)
{
	if (!s)
		return;
	gmem_snap_free(s->mem);
	buf_free(&s->dev);
	for (unsigned i = 0; i < ARRAY_SIZE(s->chr); i++)
		chr_snap_free(&s->chr[i]);
	free(s);
}

int vm_hash(struct vm *vm, uint64_t *hash, struct err *err)
{
	struct cpu_state s;
	uint64_t h;
	int r = vm->cpu->ops->get(vm->cpu, &s, err);

	if (r)
		return r;
	h = state_hash(&cpu_state_table, &s, 0);
	h = gmem_hash(vm->mem, h);
	for (unsigned i = 0; i < vm->nr_dev; i++)
		h = dev_hash(vm->dev[i], h);
	*hash = state_hash(&clock_state, &vm->clock, h);
	return 0;
}

int vm_state_hash(struct vm *vm, uint64_t *hash, struct err *err)
{
	uint64_t regs[X86_GPRS + 2];
	uint8_t bytes[sizeof(regs)];
	struct cpu_state s;
	int r = vm->cpu->ops->get(vm->cpu, &s, err);

	if (r)
		return r;
	memcpy(regs, s.gpr, sizeof(s.gpr));
	regs[X86_GPRS] = s.rip;
	regs[X86_GPRS + 1] = s.rflags & ~X86_FLAG_RF; /* gone with the next instruction */
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		st_le64(bytes + 8 * i, regs[i]);
	*hash = gmem_hash(vm->mem, hash64(0, bytes, sizeof(bytes)));
	return 0;
}

struct dev *vm_device_at(struct vm *vm, unsigned i)
{
	return i < vm->nr_dev ? vm->dev[i] : NULL;
}
