/* SPDX-License-Identifier: MIT */
/*
 * pci_world: what fuzz/targets/pci_config.c has: a host bridge, two plain functions and a virtio-rng, made
 * once; what a model knows of the plain ones; one run (W), its input's bytes as numbers. Included once,
 * behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_PCI_WORLD_H
#define FUZZ_ENGINE_PCI_WORLD_H

#include <vmm/virtio_pci.h>

#include "oracle.h"
#include "pci_prog.h"

#define PLAINS	  2u
#define VECTORS	  16u
#define MESSAGES  64u /* of one operation, compared */
#define LINE	  15u
#define RNG_SLOT  2u
#define IO_LEN	  64u
#define MEM_LEN	  4096u
#define HIGH_LEN  (1ull << 34)
#define MSIX_BAR  2u
#define HIGH_BAR  4u
#define LAST_SLOT 3u
#define PLACES	  32u /* ranges of a space that are remembered */

/* ---- a plain function: a BAR of each kind, reads give where they are ---------------------------- */

struct plain {
	struct pci_func f;
};

static uint64_t plain_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size)
{
	FUZZ_ORACLE(range_within(off, size, 0, f->bar[bar].len), "bar-range",
		    "BAR %u is asked for %u bytes at %#llx", bar, size, (unsigned long long)off);
	return off * 0x0101010101010101ull + bar;
}

static void plain_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size, uint64_t val)
{
	FUZZ_ORACLE(range_within(off, size, 0, f->bar[bar].len) && !(val & ~size_mask(size)),
		    "bar-range", "BAR %u gets %u bytes at %#llx", bar, size,
		    (unsigned long long)off);
}

static void plain_access(struct pci_func *f, unsigned off, unsigned size)
{
	(void)f;
	FUZZ_ORACLE((size == 1 || size == 2 || size == 4) && !(off & (size - 1)) && off < 256,
		    "config-piece", "%u bytes at %#x", size, off);
}

static const struct pci_func_ops plain_ops = {plain_read, plain_write, plain_access, plain_access,
					      NULL};

static int plain_init(struct dev *d, struct err *err)
{
	static const struct pci_ident id = {.vendor = 0x1234,
					    .device = 0x5678,
					    .subsystem_vendor = 0x9abc,
					    .subsystem = 0xdef0,
					    .revision = 0x42,
					    .class_code = 0xff0102,
					    .pin = 2};
	struct pci_func *f = container_of(d, struct pci_func, dev);

	(void)err;
	pci_func_init(f, &id, &plain_ops);
	pci_bar_add(f, 0, IO_LEN, PCI_BAR_IO);
	pci_bar_add(f, 1, MEM_LEN, 0);
	pci_bar_add(f, HIGH_BAR, HIGH_LEN, PCI_BAR_64 | PCI_BAR_PREFETCH);
	pci_msix_add(f, MSIX_BAR, VECTORS);
	pci_func_reset(d);
	return 0;
}

static const struct state_field plain_state[] = {PCI_FUNC_STATE_FIELDS, STATE_END};
static const struct dev_opt plain_opts[] = {PCI_FUNC_OPTS, {0}};
static const struct dev_class plain_class = {
	.name = "plain",
	.size = sizeof(struct plain),
	.version = 1,
	.opts = plain_opts,
	.state = plain_state,
	.init = plain_init,
	PCI_FUNC_CLASS_HOOKS,
};

/* ---- the world, and the model -------------------------------------------------------------------- */

/* What the model knows of a function, from the specification's tables and not from the module. */
struct model {
	uint8_t config[256], writable[256];
	uint8_t table[VECTORS * 16];
	uint32_t pending;
	bool intx;
};

struct message {
	uint64_t addr;
	uint32_t data;
};

/* A range of the bus. */
struct place {
	uint64_t base, len;
	void *ctx;
};

static struct {
	struct gmem *mem;
	struct gmem_snap *snap;
	struct clock clock;
	struct trace *trace;
	struct bus *bus;
	struct dev *host, *dev[4]; /* by slot */
	struct pci_func *f[4];
	struct virtio *v;
	uint64_t fresh, fresh_slot[4];
	struct model fresh_model;
	/* this input */
	const uint8_t *p, *end;
	bool dear, again;
	struct model m[PLAINS];
	uint32_t address;
	int line;
	unsigned nr_heard, nr_want;
	struct message heard[MESSAGES], want[MESSAGES];
	struct {
		bool ready;
		uint32_t num;
		uint64_t desc, avail, used;
	} frozen;
	unsigned ops;
	unsigned touched;	       /* slots, one bit each */
	uint64_t bars[4][4];	       /* by slot: what bars_moved() saw */
	struct place place[2][PLACES]; /* what ranges_moved() saw of ports and memory */
	unsigned nr_places[2];
	uint64_t reads; /* a hash over what was read */
} W;

static struct model *model_of(unsigned slot)
{
	return slot == 1 ? &W.m[0] : slot == 3 ? &W.m[1] : NULL;
}

static bool on_msi(void *ctx, uint64_t addr, uint32_t data)
{
	(void)ctx;
	if (W.nr_heard < MESSAGES)
		W.heard[W.nr_heard] = (struct message){addr, data};
	W.nr_heard++;
	return true;
}

static void on_line(void *ctx, unsigned line, int level)
{
	(void)ctx;
	FUZZ_ORACLE(line == LINE, "line", "line %u", line);
	FUZZ_ORACLE(level != W.line, "line-edge", "the line is %d already", level);
	W.line = level;
}

/* 6.1, 6.2 and 6.8.2 of PCI 3.0, for the plain function. */
static void model_init(struct model *m)
{
	static const uint8_t config[] = {
		0x34,	     0x12, 0x78,     0x56, 0, 0,    0x10,     0,    0x42, 0x02, 0x01,
		0xff,	     0,	   0,	     0,	   0, 0x01, 0,	      0,    0,	  0,	0,
		0,	     0,	   0,	     0,	   0, 0,    0,	      0,    0,	  0,	0x0c,
		0,	     0,	   0,	     0,	   0, 0,    0,	      0,    0,	  0,	0,
		0xbc,	     0x9a, 0xf0,     0xde, 0, 0,    0,	      0,    0x40, 0,	0,
		0,	     0,	   0,	     0,	   0, 0,    2,	      0,    0,	  0x11, 0,
		VECTORS - 1, 0,	   MSIX_BAR, 0,	   0, 0,    MSIX_BAR, 0x08, 0,	  0};

	memset(m, 0, sizeof(*m));
	memcpy(m->config, config, sizeof(config));
	st_le16(m->writable + 4, 0x0547);
	m->writable[0x0c] = m->writable[0x0d] = m->writable[0x3c] = 0xff;
	st_le32(m->writable + 0x10, 0xffffffc0);
	st_le32(m->writable + 0x14, 0xfffff000);
	st_le32(m->writable + 0x18, 0xfffff000);
	st_le64(m->writable + 0x20, ~(HIGH_LEN - 1));
	m->writable[0x43] = 0xc0;
	for (unsigned i = 0; i < VECTORS; i++)
		m->table[16 * i + 12] = 1;
}

/* By its class, not by name: else all models are linked. */
extern const struct dev_class dev_class_virtio_rng;

static void make(void)
{
	struct dev_env env = {.host = {.msi = on_msi}, .irq = {on_line, NULL, 0}, .seed = 1};
	static const char *const opts[4] = {NULL, "slot=1", "slot=2,delay=2000", "slot=3"};
	struct err err = {0};
	int bad = gmem_new(&W.mem, &err) || gmem_add(W.mem, 0, 0x10000, GMEM_RAM, &err) ||
		  gmem_snap(W.mem, &W.snap, &err);

	W.trace = trace_new(1);
	W.bus = bus_new(W.trace);
	clock_init(&W.clock);
	env.mem = W.mem;
	env.clock = &W.clock;
	env.trace = W.trace;
	bad = bad || dev_new_class(&W.host, &dev_class_pci_host, NULL, &env, &err) ||
	      dev_attach(W.host, W.bus, &err);
	for (unsigned i = 1; i <= LAST_SLOT && !bad; i++) {
		if (i == RNG_SLOT)
			bad = virtio_pci_new_class(&W.dev[i], &dev_class_virtio_rng, opts[i], &env,
						   &err);
		else
			bad = dev_new_class(&W.dev[i], &plain_class, opts[i], &env, &err);
		bad = bad || dev_attach(W.dev[i], W.bus, &err);
		W.f[i] = bad ? NULL : pci_func_of(W.dev[i]);
		bad = bad || pci_plug(W.host, W.f[i], &err);
	}
	FUZZ_ORACLE(!bad, "set-up", "%s", err.msg);
	W.v = virtio_pci_model(W.dev[RNG_SLOT]);
	model_init(&W.fresh_model);
}

static uint64_t hash_all(void)
{
	uint64_t h = dev_hash(W.host, W.reads);

	for (unsigned i = 1; i <= LAST_SLOT; i++)
		h = dev_hash(W.dev[i], h);
	return h;
}

static uint8_t u8(void)
{
	return W.p < W.end ? *W.p++ : 0;
}

static uint64_t value(unsigned size)
{
	uint8_t b = u8();
	uint64_t v = 0;

	if (b < 0xe0)
		return b;
	if (b < 0xf0)
		return 1ull << 2 * (b & 15);
	if (b < PP_V_RAW)
		return UINT64_MAX - (b & 15);
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)u8() << 8 * i;
	return v;
}

#endif
