/* SPDX-License-Identifier: MIT */
/*
 * mmio_devices: two devices that live in fuzz/targets/mmio.c only, made as any foreign device is:
 * echo, a virtio device with two queues and a configuration (virtio_echo.h), and edges, bytes at the
 * ends of the address spaces. Included once, behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_DEVICES_H
#define FUZZ_ENGINE_MMIO_DEVICES_H

#include "depth.h"
#include "mmio_prog.h"
#include "oracle.h"

/* The driver sees that the configuration was written: its generation is another one. */
#define ECHO_QUEUES	 MMIO_ECHO_QUEUES
#define ECHO_QUEUE_MAX	 MMIO_ECHO_QUEUE_MAX
#define ECHO_CONFIG	 MMIO_ECHO_CONFIG
#define ECHO_FEATURES	 (1u << 3)
#define ECHO_BASE	 MMIO_ECHO
#define ECHO_LINE	 6u
#define ECHO_ON_READ(v)	 ((void)(v), depth_hit(config_read))
#define ECHO_ON_WRITE(v) ((v)->config_generation++, depth_hit(config_written))
#include "virtio_echo.h"

/* Edges: bytes at the top of MMIO and PIO and at the bottom of PIO; it checks what the bus does. */
struct edges {
	struct dev dev;
	uint8_t bytes[2 * MMIO_TOP_LEN + MMIO_PIO_TOP_LEN];
};

static uint8_t *edge(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	FUZZ_ORACLE(range < 3 && (size == 1 || size == 2 || size == 4 || size == 8) &&
			    range_within(off, size, 0, d->cls->ranges[range].len),
		    "bus-piece", "range %u is asked for %u bytes at %#llx", range, size,
		    (unsigned long long)off);
	return container_of(d, struct edges, dev)->bytes + (uint64_t)range * MMIO_TOP_LEN + off;
}

static uint64_t edges_read(struct dev *d, unsigned range, uint64_t off, unsigned size)
{
	/* Above its size the value is dirty: the bus masks it. */
	return ld_le(edge(d, range, off, size), size) | ~size_mask(size);
}

static void edges_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val)
{
	FUZZ_ORACLE((val & ~size_mask(size)) == 0, "bus-mask", "%u bytes are %#llx", size,
		    (unsigned long long)val);
	st_le(edge(d, range, off, size), size, val);
}

static const struct dev_range edges_ranges[] = {
	{"top of mmio", BUS_MMIO, UINT64_MAX - (MMIO_TOP_LEN - 1), MMIO_TOP_LEN},
	{"top of pio", BUS_PIO, 0x10000 - MMIO_PIO_TOP_LEN, MMIO_PIO_TOP_LEN},
	{"bottom of pio", BUS_PIO, 0, MMIO_PIO_TOP_LEN},
	{0},
};
static const struct state_field edges_state[] = {STATE_RAW(struct edges, bytes), STATE_END};
static const struct dev_class edges_class = {
	.name = "edges",
	.size = sizeof(struct edges),
	.version = 1,
	.ranges = edges_ranges,
	.state = edges_state,
	.read = edges_read,
	.write = edges_write,
};

#endif
