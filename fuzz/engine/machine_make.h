/* SPDX-License-Identifier: MIT */
/*
 * machine_make: the devices of the machine targets, made once and wired: lines go to both interrupt
 * controllers, messages to the local APIC, as module vm does it. Part of machine.h.
 */
#ifndef FUZZ_ENGINE_MACHINE_MAKE_H
#define FUZZ_ENGINE_MACHINE_MAKE_H

#include "machine_world.h"

#define MC_ISA_LINES 16u

/* The controllers hear of each other; those that are there. */
static inline struct dev *mc_touch(struct mc_dev *m)
{
	if (!m)
		return NULL;
	m->touched = true;
	return m->d;
}

/* A line of one device, or (ctx NULL) from outside. */
static void mc_on_line(void *ctx, unsigned line, int level)
{
	struct mc_dev *m = ctx;
	struct dev *pic, *ioapic;

	if (m) {
		if (level && m->v)
			depth_hit(virtio_interrupt);
		m->level = level;
	}
	mc_see(line << 1 | (unsigned)!!level);
	pic = mc_touch(M.pic);
	ioapic = mc_touch(M.ioapic);
	(void)mc_touch(M.lapic);
	if (pic && line < MC_ISA_LINES)
		pic_set(pic, line, level);
	/* Pin 0 is the 8259's, IRQ 0 comes in at pin 2. */
	if (ioapic && line != 2 && line < IOAPIC_PINS)
		ioapic_set(ioapic, line ? line : 2, level);
}

static void mc_on_pic(void *ctx, int level)
{
	struct dev *ioapic = mc_touch(M.ioapic), *lapic = mc_touch(M.lapic);

	(void)ctx;
	if (lapic)
		lapic_lint0(lapic, level);
	if (ioapic)
		ioapic_set(ioapic, 0, level);
}

static void mc_on_intr(void *ctx, int level)
{
	(void)ctx;
	M.intr = level;
}

static bool mc_on_msi(void *ctx, uint64_t addr, uint32_t data)
{
	struct dev *lapic = mc_touch(M.lapic);

	(void)ctx;
	mc_see(addr ^ (uint64_t)data << 32);
	return lapic && lapic_msi(lapic, addr, data);
}

static void mc_on_eoi(void *ctx, unsigned vector)
{
	struct dev *ioapic = mc_touch(M.ioapic);

	(void)ctx;
	if (ioapic)
		ioapic_eoi(ioapic, vector);
}

static void mc_add(struct dev *d)
{
	struct mc_dev *m = &M.dev[M.n];

	FUZZ_ORACLE(M.n < MC_DEVICES, "set-up", "more than %u devices", MC_DEVICES);
	m->group = M.n++;
	m->d = d;
	m->mmio = d->cls->regs == virtio_mmio_regs;
	m->v = m->mmio ? container_of(d, struct virtio, dev)
		       : (M.spec->model ? M.spec->model(d) : NULL);
	if (m->v)
		M.vdev[M.nv++] = m;
	if (d->irq.set)
		d->irq.ctx = m;
	if (!strcmp(d->cls->name, "pic"))
		M.pic = m;
	if (!strcmp(d->cls->name, "ioapic"))
		M.ioapic = m;
	if (!strcmp(d->cls->name, "lapic"))
		M.lapic = m;
	m->late =
		M.pic == m || M.ioapic == m || M.lapic == m ? 2 : !strcmp(d->cls->name, "pci-host");
	while (d->cls->regs && d->cls->regs[m->nr_regs].name)
		m->nr_regs++;
}

static void mc_make_devices(struct dev_env *env)
{
	struct dev *more[MC_DEVICES] = {NULL};
	struct err err = {0};
	struct dev *d = NULL;
	unsigned n;

	if (M.spec->cls) {
		FUZZ_ORACLE(!dev_new_class(&d, M.spec->cls, M.spec->opts, env, &err), "set-up",
			    "%s", err.msg);
		mc_add(d);
	}
	for (unsigned i = 0; M.spec->devices && M.spec->devices[i]; i++) {
		struct dev_env e = *env;

		e.host.intr = strcmp(M.spec->devices[i], "pic") ? mc_on_intr : mc_on_pic;
		FUZZ_ORACLE(!dev_new(&d, M.spec->devices[i], &e, &err), "set-up", "%s: %s",
			    M.spec->devices[i], err.msg);
		mc_add(d);
	}
	for (unsigned i = 0; i < M.n; i++)
		FUZZ_ORACLE(!dev_attach(M.dev[i].d, M.bus, &err), "set-up", "%s: %s",
			    M.dev[i].d->name, err.msg);
	n = M.spec->more ? M.spec->more(more, env, &err) : 0;
	for (unsigned i = 0; i < n; i++) {
		mc_add(more[i]);
		M.dev[M.n - 1].group = M.n - 1 - i; /* one bus */
	}
}

static void mc_make(const struct mc_spec *spec)
{
	struct err err = {0};
	struct dev_env env = {.clock = &M.clock,
			      .irq = {mc_on_line, NULL, 0},
			      .host = {.intr = mc_on_intr, .msi = mc_on_msi, .eoi = mc_on_eoi},
			      .seed = MC_SEED};
	int bad;

	M.spec = spec;
	bad = gmem_new(&M.g, &err) || gmem_add(M.g, 0, MC_RAM, GMEM_RAM, &err) ||
	      gmem_snap(M.g, &M.snap, &err);
	M.bus = bus_new(NULL);
	FUZZ_ORACLE(!bad && M.bus, "set-up", "%s", err.msg);
	M.ram = gmem_rw(M.g, 0, MC_RAM);
	FUZZ_ORACLE(!gmem_restore(M.g, M.snap), "gmem", "memory can't be put back");
	env.mem = M.g;
	clock_init(&M.clock);
	if (spec->env)
		spec->env(&env);
	mc_make_devices(&env);
	/* As after power-on: what devices were told while others were made is forgotten. */
	for (unsigned late = 0; late < MC_LATE; late++)
		for (unsigned i = 0; i < M.n; i++)
			if (M.dev[i].late == late)
				dev_reset(M.dev[i].d);
	for (unsigned i = 0; i < M.n; i++) {
		M.dev[i].level = 0;
		M.dev[i].touched = M.dev[i].reloaded = false;
		M.dev[i].fresh = dev_hash(M.dev[i].d, 0);
		dev_json(M.dev[i].d, &M.dev[i].json);
	}
	gmem_set_read_hook(M.g, mc_on_read, NULL);
	gmem_set_write_hook(M.g, mc_on_write, NULL);
}

#endif
