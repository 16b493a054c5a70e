/* SPDX-License-Identifier: MIT */
/*
 * pc-testdev: the test device that PC emulators have under this name: four bytes of ports that keep
 * what is written, a port that would have the host drop a page's mapping (nothing to drop: it is
 * heard and that is all), a port an interrupt line, and 64 KiB of memory that is a device's.
 */
#include <vmm/dev.h>

#define PCT_SCRATCH	0xe0u
#define PCT_FLUSH	0xe4u
#define PCT_IRQ		0x2000u
#define PCT_LINES	24u
#define PCT_MEM		0xff000000u
#define PCT_MEM_LEN	0x10000u
#define PCT_SCRATCH_LEN 4u

enum { RANGE_SCRATCH, RANGE_FLUSH, RANGE_IRQ, RANGE_MEM };

struct pc_testdev {
	struct dev dev;
	uint8_t scratch[PCT_SCRATCH_LEN];
	uint8_t mem[PCT_MEM_LEN];
};

static struct pc_testdev *pct_of(struct dev *d)
{
	return container_of(d, struct pc_testdev, dev);
}

static uint64_t pct_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	struct pc_testdev *t = pct_of(d);

	switch (range) {
	case RANGE_SCRATCH:
		return ld_le(t->scratch + off, size);
	case RANGE_MEM:
		return ld_le(t->mem + off, size);
	default:
		return UINT64_MAX;
	}
}

static void pct_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	struct pc_testdev *t = pct_of(d);
	const struct irq *irq = &d->env.irq;

	switch (range) {
	case RANGE_SCRATCH:
		st_le(t->scratch + off, size, val);
		break;
	case RANGE_IRQ:
		if (irq->set)
			irq->set(irq->ctx, (unsigned)off, val != 0);
		break;
	case RANGE_MEM:
		st_le(t->mem + off, size, val);
		break;
	default: /* the flush */
		break;
	}
}

static void pct_reset(struct dev *d)
{
	const struct irq *irq = &d->env.irq;

	for (unsigned n = 0; n < PCT_LINES && irq->set; n++)
		irq->set(irq->ctx, n, 0);
}

static const struct dev_range pct_ranges[] = {
	{"scratch", BUS_PIO, PCT_SCRATCH, PCT_SCRATCH_LEN},
	{"flush", BUS_PIO, PCT_FLUSH, 4},
	{"irq", BUS_PIO, PCT_IRQ, PCT_LINES},
	{"mem", BUS_MMIO, PCT_MEM, PCT_MEM_LEN},
	{0},
};

static const struct dev_reg pct_regs[] = {
	{"SCRATCH", RANGE_SCRATCH, 4, 0, "rw"},
	{"FLUSH", RANGE_FLUSH, 4, 0, "w"},
	{0},
};

static const struct state_field pct_state[] = {
	STATE_RAW(struct pc_testdev, scratch),
	STATE_RAW(struct pc_testdev, mem),
	STATE_END,
};

const struct dev_class dev_class_pc_testdev = {
	.name = "pc-testdev",
	.help = "ports and memory that foreign test kernels look for",
	.size = sizeof(struct pc_testdev),
	.version = 1,
	.ranges = pct_ranges,
	.regs = pct_regs,
	.state = pct_state,
	.reset = pct_reset,
	.read = pct_read,
	.write = pct_write,
};
