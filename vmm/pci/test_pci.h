/* SPDX-License-Identifier: MIT */
/* What the unit tests of pci share: a machine with a host bridge, ears for messages, a plain function. */
#ifndef VMM_PCI_TEST_PCI_H
#define VMM_PCI_TEST_PCI_H

#include "../dev/test_machine.h"

#include <vmm/virtio_pci.h>

#define AT(slot, reg) ((uint32_t)(slot) << 15 | (reg))

/* What was sent. */
struct heard {
	unsigned msis;
	uint64_t addr;
	uint32_t data;
	bool deaf; /* nobody takes it */
};
static struct heard heard;

static inline bool heard_msi(void *ctx, uint64_t addr, uint32_t data)
{
	(void)ctx;
	heard.msis++;
	heard.addr = addr;
	heard.data = data;
	return !heard.deaf;
}

/* A function with a BAR of each kind, 16 vectors and INTB#; its registers keep what was written. */
#define PLAIN_IO     0u
#define PLAIN_MEMORY 1u
#define PLAIN_MSIX   2u
#define PLAIN_HIGH   4u
struct plain {
	struct pci_func f;
	uint8_t io[64], memory[4096], high[8];
	unsigned config_reads, config_writes, masters;
	bool master;
	unsigned last_off, last_size;
};

static inline struct plain *plain_of(struct pci_func *f)
{
	return container_of(f, struct plain, f);
}

static inline uint8_t *plain_at(struct plain *p, unsigned bar, uint64_t off, unsigned size)
{
	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	if (bar == PLAIN_IO) {
		assert_true(off + size <= sizeof(p->io));
		return p->io + off;
	}
	if (bar == PLAIN_MEMORY) {
		assert_true(off + size <= sizeof(p->memory));
		return p->memory + off;
	}
	assert_int_equal(bar, PLAIN_HIGH);
	assert_true(off + size <= 1ull << 34);
	return p->high + (off & 7 & ~(size - 1ull));
}

static inline uint64_t plain_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size)
{
	/* Above its size the value is dirty. */
	return ld_le(plain_at(plain_of(f), bar, off, size), size) | ~size_mask(size);
}

static inline void plain_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size,
			       uint64_t val)
{
	assert_int_equal(val & ~size_mask(size), 0);
	st_le(plain_at(plain_of(f), bar, off, size), size, val);
}

static inline void plain_config_read(struct pci_func *f, unsigned off, unsigned size)
{
	assert_true((off & (size - 1)) == 0 && (size == 1 || size == 2 || size == 4));
	plain_of(f)->config_reads++;
}

static inline void plain_config_written(struct pci_func *f, unsigned off, unsigned size)
{
	struct plain *p = plain_of(f);

	assert_true((off & (size - 1)) == 0 && (size == 1 || size == 2 || size == 4));
	p->config_writes++;
	p->last_off = off;
	p->last_size = size;
}

static inline void plain_master(struct pci_func *f, bool on)
{
	plain_of(f)->masters++;
	plain_of(f)->master = on;
}

static const struct pci_func_ops plain_ops = {plain_read, plain_write, plain_config_read,
					      plain_config_written, plain_master};

static inline int plain_init(struct dev *d, struct err *err)
{
	static const struct pci_ident id = {.vendor = 0x1234,
					    .device = 0x5678,
					    .subsystem_vendor = 0x9abc,
					    .subsystem = 0xdef0,
					    .revision = 0x42,
					    .class_code = 0xff0102,
					    .pin = 2};
	struct plain *p = container_of(d, struct plain, f.dev);

	(void)err;
	pci_func_init(&p->f, &id, &plain_ops);
	pci_bar_add(&p->f, PLAIN_IO, sizeof(p->io), PCI_BAR_IO);
	pci_bar_add(&p->f, PLAIN_MEMORY, sizeof(p->memory), 0);
	pci_bar_add(&p->f, PLAIN_HIGH, 1ull << 34, PCI_BAR_64 | PCI_BAR_PREFETCH);
	pci_msix_add(&p->f, PLAIN_MSIX, 16);
	pci_func_reset(d);
	return 0;
}

static const struct dev_opt plain_opts[] = {PCI_FUNC_OPTS, {0}};
static const struct state_field plain_state[] = {PCI_FUNC_STATE_FIELDS, STATE_END};
static const struct dev_class plain_class = {
	.name = "plain",
	.size = sizeof(struct plain),
	.version = 1,
	.opts = plain_opts,
	.state = plain_state,
	.init = plain_init,
	PCI_FUNC_CLASS_HOOKS,
};

static inline struct dev *add_host(struct machine *m, const char *opts)
{
	struct dev *host;

	m->env.host.msi = heard_msi;
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(dev_new_class(&host, &dev_class_pci_host, opts, &m->env, NULL), 0);
	assert_int_equal(dev_attach(host, m->bus, NULL), 0);
	return host;
}

static inline struct plain *add_plain(struct machine *m, struct dev *host, const char *opts)
{
	struct dev *d;

	assert_int_equal(dev_new_class(&d, &plain_class, opts, &m->env, NULL), 0);
	assert_int_equal(dev_attach(d, m->bus, NULL), 0);
	assert_int_equal(pci_plug(host, pci_func_of(d), NULL), 0);
	return container_of(d, struct plain, f.dev);
}

static inline uint32_t cfg_r(struct dev *host, uint32_t at, unsigned size)
{
	return (uint32_t)pci_config_read(host, at, size);
}

/* What is nobody's reads all ones. */
static inline uint64_t any_r(struct machine *m, enum bus_space space, uint64_t at, unsigned size)
{
	uint64_t v = 0;

	(void)bus_read(m->bus, space, at, size, &v);
	return v;
}

/* Saved bytes, to compare. */
static inline struct buf saved(const struct dev *d)
{
	struct buf b = {0};

	assert_int_equal(dev_save(d, &b), 0);
	return b;
}

static inline void assert_saved(const struct dev *d, const struct buf *want)
{
	struct buf b = saved(d);

	assert_int_equal(b.len, want->len);
	assert_memory_equal(b.p, want->p, b.len);
	buf_free(&b);
}

#endif
