/* SPDX-License-Identifier: MIT */
/*
 * bus: PIO, MMIO and MSR address spaces, their ranges and the dispatch of an access to the model
 * behind it: the "MMIO decoder". [hostile: fuzz/targets/mmio.c]
 *
 * Guarantees to a model: size is 1, 2, 4 or 8; the access lies wholly in its range; the value
 * written is masked to size and the value read is masked for it; repeats are unrolled; one thread.
 * Accesses of 3, 5, 6, 7 bytes or across a range's end are cut into 4/2/1-byte pieces, low address
 * first. Unmapped reads are all ones, unmapped writes are dropped; both leave TRACE_UNMAPPED.
 * A handler may add, move or remove ranges, its own too, during its call.
 * MSR space: one "address" is one MSR of 8 bytes; sizes are always 8; unmapped is an error (#GP).
 * Dispatch never nests: a model has no path to the bus; a nested dispatch is our bug (assert).
 * The caller promises: ops and ctx outlive the range.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <vmm/base.h>
#include <vmm/trace.h>

enum bus_space { BUS_PIO, BUS_MMIO, BUS_MSR, BUS_SPACES };

struct bus_ops {
	uint64_t (*read)(void *ctx, uint64_t off, unsigned size);
	void (*write)(void *ctx, uint64_t off, unsigned size, uint64_t val);
};

#define BUS_RANGES 128 /* at most, a space */

struct bus;

/* (trace) may be NULL and must outlive the bus. NULL: no memory. */
struct bus *bus_new(struct trace *trace);
void bus_free(struct bus *b);

/*
 * Add [base, base + len) to a space (PIO ends at 64 KiB, MSR at 2^32). Returns an id >= 0, or
 * -EEXIST (overlaps another), -EINVAL (empty, beyond the space's end), -E2BIG.
 */
int bus_add(struct bus *b, enum bus_space space, uint64_t base, uint64_t len,
	    const struct bus_ops *ops, void *ctx, struct err *err);
int bus_remove(struct bus *b, int id);
/* -EEXIST, -EINVAL as above; the range then stays where it was. */
int bus_move(struct bus *b, int id, uint64_t base, struct err *err);

/*
 * One access of 1 to 8 bytes as the CPU made it. 0, or -ENXIO if no byte of it was mapped (the
 * result is all ones all the same). Addresses wrap at the space's end (PIO) or are unmapped there.
 */
int bus_read(struct bus *b, enum bus_space space, uint64_t addr, unsigned size, uint64_t *val);
int bus_write(struct bus *b, enum bus_space space, uint64_t addr, unsigned size, uint64_t val);
/* The same with the value as (size) bytes at (data), the low one first, as KVM has them in its exits. */
int bus_access(struct bus *b, enum bus_space space, uint64_t addr, void *data, unsigned size,
	       bool write);

/* The ranges for lists and pictures: the i-th of a space in ascending order, or false. */
bool bus_range(const struct bus *b, enum bus_space space, unsigned i, uint64_t *base, uint64_t *len,
	       void **ctx);

#endif
