/* SPDX-License-Identifier: MIT */
/*
 * debugcon: the debug console that Bochs has on port 0xe9: a byte written is a byte of output, a
 * read tells that the console is there.
 */
#include <vmm/dev.h>

#define DEBUGCON_PORT 0xe9u
#define DEBUGCON_ID   0xe9u

static uint64_t debugcon_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	(void)d, (void)range, (void)off, (void)size;
	return DEBUGCON_ID;
}

static void debugcon_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	uint8_t byte = (uint8_t)val;

	(void)range, (void)off, (void)size;
	if (d->env.console)
		chr_put(d->env.console, &byte, 1);
}

static const struct dev_range debugcon_ranges[] = {{"port", BUS_PIO, DEBUGCON_PORT, 1}, {0}};
static const struct dev_reg debugcon_regs[] = {{"DATA", 0, 1, 0, "rw"}, {0}};
static const struct state_field debugcon_state[] = {STATE_END};

const struct dev_class dev_class_debugcon = {
	.name = "debugcon",
	.help = "debug console: bytes written to port 0xe9 are output",
	.size = sizeof(struct dev),
	.version = 1,
	.ranges = debugcon_ranges,
	.regs = debugcon_regs,
	.state = debugcon_state,
	.read = debugcon_read,
	.write = debugcon_write,
};
