/* SPDX-License-Identifier: MIT */
/*
 * machine_world: what the machine targets have: memory, clock, a bus with devices on it (made once), one
 * run (M), its input's bytes as numbers, stores of the driver, and what is judged around each call into
 * a device. Part of machine.h, which has the contract.
 */
#ifndef FUZZ_ENGINE_MACHINE_WORLD_H
#define FUZZ_ENGINE_MACHINE_WORLD_H

#include <errno.h>

#include <vmm/virtio.h>

#include "behind_read.h"
#include "input.h"
#include "machine_prog.h"
#include "oracle.h"
#include "say.h"

#define MC_DEVICES   32u
#define MC_BUFFERS   14u
#define MC_MARKS     128u
#define MC_LATE	     3u /* values of mc_dev.late */
#define MC_SEED	     42u
#define MC_STEPS_MAX 100000u /* reads and stores of one call into a device */

/* Made by the target: see machine.h. */
struct mc_spec {
	const char *const *devices;
	const struct dev_class *cls;
	const char *opts;
	unsigned (*more)(struct dev **out, const struct dev_env *env, struct err *err);
	struct virtio *(*model)(struct dev *d);
	void (*vreg)(struct dev *d, enum virtio_mmio_reg r, uint32_t val);
	void (*env)(struct dev_env *env);
	void (*begin)(void);
	void (*end)(void);
	void (*event)(uint8_t b);
	void (*other)(uint8_t b);
	bool (*may_write)(uint64_t gpa, uint64_t len);
	void (*check)(void);
	bool opaque;
	void (*offered)(unsigned k, uint16_t head, const struct virtq_seg *s, unsigned out,
			unsigned n);
	void (*stored)(uint64_t gpa, uint64_t len);
	void (*kicked)(unsigned k);
};

/* What the driver gave a queue, and what it was like when it became ready. */
struct mc_queue {
	uint32_t at, num; /* the slot's address; num 0: never set up */
	uint16_t offer, cursor;
	bool ready;
	uint32_t was_num;
	uint64_t desc, avail, used;
};

struct mc_dev {
	struct dev *d;
	struct virtio *v; /* NULL: it is none */
	bool mmio;	  /* reached by virtio-mmio */
	unsigned
		late; /* 0, or it is an interrupt controller, reset behind those whose lines it has */
	bool touched;  /* in this input: it is reset at its end */
	bool reloaded; /* the same, and only by a save of others */
	int level, was_level;
	unsigned group; /* those that are saved and loaded together only */
	uint64_t fresh;
	struct buf json; /* as made */
	unsigned nr_regs;
	struct mc_queue q[VIRTIO_QUEUES];
};

static struct mc_world {
	const struct mc_spec *spec;
	struct gmem *g;
	struct gmem_snap *snap;
	uint8_t *ram;
	struct clock clock;
	struct bus *bus;
	unsigned n, nv;
	struct mc_dev dev[MC_DEVICES];
	struct mc_dev *vdev[MC_DEVICES];     /* the virtio ones */
	struct mc_dev *pic, *ioapic, *lapic; /* NULL: there is none */
	/* this input */
	struct fuzz_input input;
	bool dear, again, saved, deep;
	unsigned ops, accesses;
	bool intr;
	uint32_t lines; /* from outside */
	uint64_t seen;	/* a hash over what the guest saw and the devices stored */
	/* the watch */
	bool inside, unsure;
	struct mc_dev *cur; /* NULL: a timer's, or something from outside */
	unsigned steps, pages;
	unsigned nr_marks;
	struct {
		uint32_t at, len;
	} mark[MC_MARKS];
	struct behind pending;
	uint8_t may[MC_RAM];	 /* bytes that a driver let a device write in this input */
	uint8_t picture[MC_RAM]; /* what memory must be, on dear inputs */
} M;

/* Registers by width and direction, for the engine: libFuzzer adds them to its own counters. */
#if defined(VISE_FUZZ) && defined(__clang__)
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t mc_cover[2048];
#define MC_COVER(dev, range, reg, size, write)                                                     \
	(mc_cover[((dev)*97u + (range)*31u + (reg)*8u + ((size)&7u) + ((write) ? 1021u : 0)) %     \
		  sizeof(mc_cover)] = 1)
#else
#define MC_COVER(dev, range, reg, size, write) ((void)0)
#endif

/* ---- input ------------------------------------------------------------------------------------ */

static inline uint8_t mc_u8(void)
{
	return fuzz_u8(&M.input);
}

static inline uint16_t mc_u16(void)
{
	return fuzz_u16(&M.input);
}

static inline uint64_t mc_value(unsigned size)
{
	return fuzz_value(&M.input, size, 4);
}

static inline uint64_t mc_address(void)
{
	static const struct fuzz_layout at = {MC_RAM, MC_DATA, MC_RINGS(0), MC_USED, MC_TABLES};

	return fuzz_address(&M.input, &at);
}

static inline uint32_t mc_length(void)
{
	static const uint32_t huge[] = {MC_N_HUGES};

	return fuzz_length(&M.input, huge);
}

static inline void mc_see(uint64_t what)
{
	M.seen = (M.seen ^ what) * 0x9e3779b97f4a7c15ull;
	M.seen ^= M.seen >> 29;
}

/* ---- an input in words (say.h); what is run a second time is not said again ---------------------- */

#define MC_SAY(...)                                                                                \
	do {                                                                                       \
		if (FUZZ_SAYING && !M.again)                                                       \
			FUZZ_SAY(__VA_ARGS__);                                                     \
	} while (0)

/* An access, in the words that a guest can be made of. */
static inline void mc_say_access(enum bus_space space, uint64_t addr, unsigned size, bool write,
				 uint64_t val)
{
#ifndef VISE_FUZZ
	static const char *const names[BUS_SPACES] = {"pio", "mmio", "msr"};
	char width[8] = "", value[24] = "";

	if (!FUZZ_SAYING || M.again)
		return;
	if (space != BUS_MSR)
		(void)snprintf(width, sizeof(width), " %u", size);
	if (write)
		(void)snprintf(value, sizeof(value), " 0x%llx", (unsigned long long)val);
	FUZZ_SAY("%s %c 0x%llx%s%s", names[space], write ? 'w' : 'r', (unsigned long long)addr,
		 width, value);
#else
	(void)space, (void)addr, (void)size, (void)write, (void)val;
#endif
}

/* ---- memory ----------------------------------------------------------------------------------- */

/* A store of the driver: where there is no RAM nothing happens. */
static void mc_poke(uint64_t gpa, const void *buf, uint64_t len)
{
	if (!len || !range_within(gpa, len, 0, MC_RAM))
		return;
	FUZZ_ORACLE(!gmem_write(M.g, gpa, buf, len), "gmem", "RAM at %#llx refuses a store",
		    (unsigned long long)gpa);
	if (!M.again)
		FUZZ_SAY_MEM(gpa, buf, len);
	M.pages |= 1u << (gpa >> 12) | 1u << ((gpa + len - 1) >> 12);
	if (M.dear)
		memcpy(M.picture + gpa, buf, len);
}

static void mc_poke16(uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	mc_poke(gpa, b, 2);
}

static void mc_poke_desc(uint64_t gpa, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	uint8_t d[16];

	st_le64(d, addr);
	st_le32(d + 8, len);
	st_le16(d + 12, flags);
	st_le16(d + 14, next);
	mc_poke(gpa, d, sizeof(d));
}

/* The device may write here from now on. */
static void mc_mark(uint64_t gpa, uint64_t len)
{
	if (!len || gpa >= MC_RAM)
		return;
	if (len > MC_RAM - gpa)
		len = MC_RAM - gpa;
	if (M.nr_marks == MC_MARKS) {
		M.unsure = true;
		return;
	}
	M.mark[M.nr_marks].at = (uint32_t)gpa;
	M.mark[M.nr_marks++].len = (uint32_t)len;
	memset(M.may + gpa, 1, len);
}

static void mc_unmark(void)
{
	while (M.nr_marks) {
		M.nr_marks--;
		memset(M.may + M.mark[M.nr_marks].at, 0, M.mark[M.nr_marks].len);
	}
}

/* ---- the watch ---------------------------------------------------------------------------------- */

/* Is there a ready queue that lies elsewhere than where the driver puts them, or is packed? */
static bool mc_astray(void)
{
	for (unsigned i = 0; i < M.nv; i++) {
		const struct mc_dev *m = M.vdev[i];

		for (unsigned k = 0; m->touched && k < m->v->nr_queues; k++) {
			const struct virtq *q = &m->v->q[k];
			const struct mc_queue *r = &m->q[k];

			if (q->ready &&
			    (q->packed || q->num != r->num || q->desc != r->at ||
			     q->avail != r->at + MC_AVAIL || q->used != r->at + MC_USED))
				return true;
		}
	}
	return false;
}

static void mc_on_write(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	uint64_t i = 0;

	(void)ctx;
	(void)g;
	if (!M.inside)
		return;
	FUZZ_ORACLE(++M.steps < MC_STEPS_MAX, "steps", "no end of reading and storing");
	FUZZ_ORACLE(range_within(gpa, len, 0, MC_RAM), "dma-range", "%llu bytes at %#llx",
		    (unsigned long long)len, (unsigned long long)gpa);
	for (uint64_t page = gpa >> 12; page <= (gpa + len - 1) >> 12; page++)
		M.pages |= 1u << page;
	if (M.dear) {
		memcpy(M.picture + gpa, M.ram + gpa, len);
		mc_see(hash64(gpa, M.ram + gpa, len));
	}
	if (M.unsure)
		return;
	while (i < len && M.may[gpa + i])
		i++;
	if (i == len) {
		depth_hit(bytes_stored);
		if (M.spec->stored && (!M.cur || M.cur == &M.dev[0]))
			M.spec->stored(gpa, len);
		return;
	}
	if (M.spec->may_write && M.spec->may_write(gpa, len))
		return;
	if (mc_astray()) {
		M.unsure = true;
		return;
	}
	fuzz_oracle_fail("write-set", "%s: %llu bytes at %#llx are no chain's to be written",
			 M.cur ? M.cur->d->name : "a timer", (unsigned long long)len,
			 (unsigned long long)gpa);
}

static bool mc_change(uint64_t at, uint8_t flip)
{
	uint8_t b = M.ram[at] ^ flip;

	M.inside = false;
	mc_poke(at, &b, 1);
	M.inside = true;
	depth_hit(memory_changed);
	return true;
}

static void mc_on_read(void *ctx, struct gmem *g, uint64_t gpa, uint64_t len)
{
	(void)ctx;
	(void)g;
	if (!M.inside)
		return;
	FUZZ_ORACLE(++M.steps < MC_STEPS_MAX, "steps", "no end of reading and storing");
	/* Rings and tables are the frame's of one device: dev_queue.h. */
	if (M.pending.nr)
		behind_read(&M.pending, gpa, len, MC_DATA, mc_change);
}

static void mc_enter(struct mc_dev *cur)
{
	M.cur = cur;
	if (cur)
		cur->touched = true;
	FUZZ_WHERE("%s%s", cur ? "device " : "a timer, or from outside", cur ? cur->d->name : "");
	M.steps = 0;
	M.inside = true;
}

static void mc_check_queue(struct mc_dev *m, unsigned k)
{
	const struct virtq *q = &m->v->q[k];
	struct mc_queue *r = &m->q[k];

	if (!q->ready) {
		r->ready = false;
		return;
	}
	FUZZ_ORACLE(q->num && q->num <= q->num_max, "queue-size", "%s: size %u of at most %u",
		    m->d->name, q->num, q->num_max);
	FUZZ_ORACLE(q->in_flight <= q->num, "in-flight", "%s: %u of %u", m->d->name, q->in_flight,
		    q->num);
	if (r->ready) {
		FUZZ_ORACLE(q->num == r->was_num && q->desc == r->desc && q->avail == r->avail &&
				    q->used == r->used,
			    "frozen", "%s: size %u or addresses changed while ready", m->d->name,
			    q->num);
		return;
	}
	r->ready = true;
	r->was_num = q->num;
	r->desc = q->desc;
	r->avail = q->avail;
	r->used = q->used;
}

static void mc_check(struct mc_dev *m)
{
	const struct virtio *v = m->v;

	if (!v)
		return;
	if (v->status & VIRTIO_S_FEATURES_OK)
		FUZZ_ORACLE(!(v->driver_features & ~virtio_offered(v)) &&
				    virtio_has(v, VIRTIO_F_VERSION_1),
			    "features", "%s: agreed on %#llx", m->d->name,
			    (unsigned long long)v->driver_features);
	FUZZ_ORACLE(!(v->status & VIRTIO_S_DRIVER_OK) || (v->status & VIRTIO_S_FEATURES_OK),
		    "status", "%s: %#x", m->d->name, v->status);
	FUZZ_ORACLE(v->transport || m->level == (v->interrupt_status != 0), "line",
		    "%s: the line is %d at interrupt status %#x", m->d->name, m->level,
		    v->interrupt_status);
	for (unsigned k = 0; k < v->nr_queues; k++)
		mc_check_queue(m, k);
}

/* After a call into (cur), or into any that was used before. */
static void mc_leave(void)
{
	M.inside = false;
	for (unsigned i = 0; i < M.nv; i++)
		if (M.vdev[i]->touched && (!M.cur || M.cur == M.vdev[i] || !M.cur->v))
			mc_check(M.vdev[i]);
	if (M.spec->check)
		M.spec->check();
}

/* ---- accesses ----------------------------------------------------------------------------------- */

/* As the CPU makes it; (m): whose range it is. */
static uint64_t mc_access(struct mc_dev *m, enum bus_space space, uint64_t addr, unsigned size,
			  bool write, uint64_t val)
{
	int rc;

	if (space == BUS_MSR)
		size = 8;
	mc_enter(m);
	val &= size_mask(size);
	mc_say_access(space, addr, size, write, val);
	if (write) {
		rc = bus_write(M.bus, space, addr, size, val);
	} else {
		val = 0x5a5a5a5a5a5a5a5aull;
		rc = bus_read(M.bus, space, addr, size, &val);
		FUZZ_ORACLE(!(val & ~size_mask(size)), "read-size",
			    "%s: %u bytes at %#llx are %#llx", m ? m->d->name : "nobody", size,
			    (unsigned long long)addr, (unsigned long long)val);
		mc_see(val);
	}
	FUZZ_ORACLE(rc == 0 || rc == -ENXIO, "bus-result", "an access returns %d", rc);
	mc_leave();
	M.accesses++;
	if (rc)
		depth_hit(unmapped);
	else if (m)
		fuzz_depth_counts[MC_DEPTH_FIRST + (m - M.dev)]++;
	M.deep |= !rc;
	return val;
}

/* A virtio device's register, by whatever its transport is. */
static void mc_vreg(struct mc_dev *m, enum virtio_mmio_reg r, uint32_t val)
{
	if (m->mmio) {
		(void)mc_access(m, BUS_MMIO, m->d->range[0].base + r, 4, true, val);
		return;
	}
	MC_SAY("%s: register 0x%x of virtio-mmio by its own transport 0x%x", m->d->name,
	       (unsigned)r, val);
	mc_enter(m);
	M.spec->vreg(m->d, r, val);
	mc_leave();
	M.accesses++;
}

#endif
