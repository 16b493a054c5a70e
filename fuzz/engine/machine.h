/* SPDX-License-Identifier: MIT */
/*
 * machine: the frame of a fuzz target for devices on one bus, without a CPU: any number of them, of the
 * tree or foreign, with interrupt controllers wired as a PC's, a driver for those that are virtio, virtual
 * time, resets, save and load, interleaved as the input says. What a target has left to write:
 *
 *	#define MC_DEPTH uart, my_rng		one depth counter a device, in their order: accesses
 *	#include <machine.h>			that reach it; cls is first, then devices, then more()
 *
 *	static const char *const devices[] = {"uart", "virtio-rng,base=0xd0000400,irq=7", NULL};
 *	static const struct mc_spec spec = {.devices = devices};
 *
 *	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
 *	{
 *		return mc_input(&spec, data, size);
 *	}
 *
 * and last `#include <machine_end.h>`. What struct mc_spec has; all may be left away:
 *
 *	devices		spec strings as of dev_new(), NULL at the end
 *	cls, opts	a foreign device, in no list, and its options
 *	more()		makes further devices (PCI), on no bus; returns how many
 *	model()		the virtio model behind one of those; vreg() writes to it by its transport
 *	env()		back ends, once
 *	begin()		back ends as they were at first, before each input
 *	end()		what the host said to devices is taken back, before they are reset
 *	event()		something happens outside: a packet comes in, a key is pressed
 *	other()		the target's own operation; reads on by mc_u8()
 *	may_write()	a store that no driver's chain allows: is it allowed otherwise?
 *	check()		what must hold after each call into a device
 *
 *	opaque		cls has state that no table tells: it is not saved
 *	offered(), stored(), kicked()	what cls's driver offered, by bytes that it stored, and when its doorbell
 *			was answered: for a device that walks its rings by itself
 *
 * Oracles, on every input: every access of 1 to 8 bytes at every offset returns, and fits its size; a
 * device stores to RAM only, and there to the writable part of a chain or to a used ring that a driver
 * gave away; pages that became dirty are pages that were stored to; reading and storing ends; no timer
 * fires for ever; no device is reached while it works (an assert); what was negotiated was offered; size
 * and addresses of a queue are frozen while it is ready; a virtio device's line says what its interrupt
 * status says; after a reset no timer is armed and no line is up. On dear ones: memory is as the stores
 * made it, byte for byte; save, reset and load change nothing; reset gives the fresh state, and the field
 * that leaks is named; the same input twice shows the guest the same and ends in the same state.
 *
 * A driver that writes its rings at random (POKE, or registers that place a queue elsewhere) may let the
 * device write anywhere: stores are then no longer judged in that input.
 */
#ifndef FUZZ_ENGINE_MACHINE_H
#define FUZZ_ENGINE_MACHINE_H

#include <depth.h>
#include <oracle.h>
#include <stats.h>

#ifdef MC_DEPTH
DEPTH_COUNTERS(unmapped, range_crossed, driver_ok, features_refused, chain_offered, chain_indirect,
	       chain_served, bytes_stored, queue_broken, virtio_interrupt, cpu_interrupt,
	       clock_stepped, device_reset, memory_changed, saved_and_loaded, reset_compared,
	       run_twice, MC_DEPTH);
#endif
#define MC_DEPTH_FIRST (DEPTH_run_twice + 1)

/* The driver and the oracles are no subjects: neither guides a fuzzer nor is checked. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif

#include "machine_world.h"

#include "machine_make.h"
#include "machine_ops.h"

#define MC_OPS_MAX 64u
/* What nobody touched is looked at too, where time does not matter. */
#ifdef VISE_FUZZ
#define MC_EVERY_DEVICE false
#else
#define MC_EVERY_DEVICE true
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- one input ----------------------------------------------------------------------------------- */

/* A word of its own: `vise run` has no such machine, which has no CPU. */
static void mc_say_devices(void)
{
	struct buf names = {0};

	for (unsigned i = 0; i < M.n; i++)
		buf_printf(&names, " %s", M.dev[i].d->name);
	FUZZ_SAY("machine%s", buf_str(&names));
	buf_free(&names);
}

static void mc_begin(const uint8_t *data, size_t size)
{
	M.input = (struct fuzz_input){data, data + size};
	M.ops = M.accesses = M.pages = M.pending.nr = 0;
	M.deep = M.saved = M.unsure = M.intr = false;
	M.lines = 0;
	M.seen = 0;
	if (FUZZ_SAYING && !M.again)
		mc_say_devices();
	if (M.dear)
		memset(M.picture, 0, sizeof(M.picture));
	if (M.spec->begin)
		M.spec->begin();
}

static void mc_check_page(void *ctx, uint64_t gpa)
{
	(void)ctx;
	FUZZ_ORACLE(M.pages >> (gpa >> 12) & 1, "write-set", "page %#llx was written to by nobody",
		    (unsigned long long)gpa);
}

static void mc_hash_page(void *ctx, uint64_t gpa)
{
	uint64_t *hash = ctx;

	*hash = hash64(*hash ^ gpa, M.ram + gpa, GMEM_PAGE);
}

static void mc_check_picture(void)
{
	for (uint32_t i = 0; i < MC_RAM && memcmp(M.ram, M.picture, MC_RAM); i++)
		FUZZ_ORACLE(M.ram[i] == M.picture[i], "write-set", "byte %#x is %#x, not %#x", i,
			    M.ram[i], M.picture[i]);
}

/* Name what a reset leaves: the JSON of the state, beside that of the device as made. */
static void mc_check_fresh(struct mc_dev *m)
{
	struct buf now = {0};
	const char *a, *b;
	size_t at = 0, from;

	if (dev_hash(m->d, 0) == m->fresh)
		return;
	dev_json(m->d, &now);
	a = buf_str(&m->json);
	b = buf_str(&now);
	while (a[at] && a[at] == b[at])
		at++;
	for (from = at; from && a[from] != ','; from--)
		;
	fuzz_oracle_fail("reset", "%s: fresh %.60s, reset %.60s", m->d->name, a + from, b + from);
}

/* All that was used, the controllers last: the others lower their lines at them. */
static void mc_reset_all(void)
{
	for (unsigned late = 0; late < MC_LATE; late++) {
		for (unsigned i = 0; i < M.n; i++) {
			struct mc_dev *m = &M.dev[i];

			if (!(m->touched || m->reloaded) || m->late != late)
				continue;
			dev_reset(m->d);
			FUZZ_ORACLE(!m->v || !m->level, "line", "%s: the line is up after a reset",
				    m->d->name);
			for (unsigned k = 0; m->v && k < m->v->nr_queues; k++)
				m->q[k] = (struct mc_queue){0};
		}
	}
	FUZZ_ORACLE(clock_next(&M.clock) == CLOCK_NEVER, "reset-timer", "a timer is still armed");
	for (unsigned i = 0; i < M.n; i++) {
		if (M.dear && !M.again &&
		    (M.dev[i].touched || M.dev[i].reloaded || MC_EVERY_DEVICE))
			mc_check_fresh(&M.dev[i]);
		M.dev[i].touched = M.dev[i].reloaded = false;
		M.dev[i].level = 0;
	}
}

static uint64_t mc_run(const uint8_t *data, size_t size)
{
	uint64_t hash = 0;

	mc_begin(data, size);
	for (; M.ops < MC_OPS_MAX && M.input.p < M.input.end; M.ops++)
		mc_op((enum mc_op)(mc_u8() % MC_OPS));
	gmem_dirty_each(M.g, mc_check_page, NULL);
	if (M.dear) {
		mc_check_picture();
		mc_save_all();
		hash = M.seen;
		gmem_dirty_each(M.g, mc_hash_page, &hash);
		for (unsigned i = 0; i < M.n; i++)
			if (M.dev[i].touched || M.dev[i].late)
				hash = dev_hash(M.dev[i].d, hash);
	}
	if (M.spec->end)
		M.spec->end();
	mc_reset_all();
	mc_unmark();
	FUZZ_ORACLE(!gmem_restore(M.g, M.snap), "gmem", "memory can't be put back");
	clock_init(&M.clock);
	return hash;
}

static int mc_input(const struct mc_spec *spec, const uint8_t *data, size_t size)
{
	uint64_t hash;

	if (!M.g)
		mc_make(spec);
	M.dear = fuzz_dear(data, size);
	M.again = false;
	hash = mc_run(data, size);
	fuzz_case(M.ops + M.accesses, M.deep);
	if (!M.dear)
		return 0;
	depth_hit(reset_compared);
	M.again = true;
	FUZZ_ORACLE(mc_run(data, size) == hash, "run-twice",
		    "the same input shows the guest something else, or ends in another state");
	depth_hit(run_twice);
	return 0;
}

#endif
