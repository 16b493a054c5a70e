/* SPDX-License-Identifier: MIT */
/*
 * debug-exit: a byte, word or doubleword written to port 0xf4 ends the run; its low byte is the
 * guest's result. The byte is passed on as it is, unlike QEMU's device, which makes it odd.
 */
#include <vmm/dev.h>

#define DEBUG_EXIT_PORT 0xf4u
#define DEBUG_EXIT_LEN	4u

static uint64_t debug_exit_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	(void)d, (void)range, (void)off, (void)size;
	return 0;
}

static void debug_exit_write(struct dev *d, unsigned range, uint64_t off, unsigned size,
			     uint64_t val)
{
	(void)range, (void)size;
	if (off) {
		dev_guest_error(d, "debug-exit: write beside the register", off, val);
		return;
	}
	if (d->env.host.guest_exit)
		d->env.host.guest_exit(d->env.host.ctx, (uint8_t)val);
}

static const struct dev_range debug_exit_ranges[] = {
	{"port", BUS_PIO, DEBUG_EXIT_PORT, DEBUG_EXIT_LEN}, {0}};
static const struct dev_reg debug_exit_regs[] = {{"CODE", 0, 4, 0, "w"}, {0}};
static const struct state_field debug_exit_state[] = {STATE_END};

const struct dev_class dev_class_debug_exit = {
	.name = "debug-exit",
	.help = "ends the run with the byte written to port 0xf4",
	.size = sizeof(struct dev),
	.version = 1,
	.ranges = debug_exit_ranges,
	.regs = debug_exit_regs,
	.state = debug_exit_state,
	.read = debug_exit_read,
	.write = debug_exit_write,
};
