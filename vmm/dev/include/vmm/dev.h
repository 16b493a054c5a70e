/* SPDX-License-Identifier: MIT */
/*
 * dev: what a device is (class), one of it (instance), how it is wired, saved and loaded; and the
 * models, one file each in models/.
 *
 * Guarantees: a device sees size 1, 2, 4 or 8, an access wholly in its range, a masked value. State
 * is a field table: reset, save, load, diff and hash work for every class alike; reset gives the
 * fresh state byte for byte. A device has no path to the bus: its DMA reaches RAM only. One that is
 * reached again while it handles an access (by a bus it was lent, by configuration access) is our bug:
 * an assert says "re-entered", as the bus has one for its depth; abort() makes it a finding.
 * The caller promises: everything in struct dev_env outlives the device.
 * Who frees: dev_free().
 */
#ifndef VMM_DEV_H
#define VMM_DEV_H

#include <vmm/base.h>
#include <vmm/blk.h>
#include <vmm/bus.h>
#include <vmm/chr.h>
#include <vmm/clock.h>
#include <vmm/gmem.h>
#include <vmm/state.h>
#include <vmm/stats.h>
#include <vmm/testdev.h>
#include <vmm/trace.h>

/* An interrupt line: a value, not a registry. Unwired: set is NULL. */
struct irq {
	void (*set)(void *ctx, unsigned line, int level);
	void *ctx;
	unsigned line;
};

static inline void irq_set(const struct irq *irq, int level)
{
	if (irq->set)
		irq->set(irq->ctx, irq->line, level);
}

enum dev_power { DEV_POWER_RESET, DEV_POWER_OFF };

/* What a device may ask of the machine around it. Any pointer may be NULL: nothing happens. */
struct dev_host {
	void *ctx;
	/* The guest ends the run with this byte (debug-exit). */
	void (*guest_exit)(void *ctx, uint8_t code);
	/* The guest reports a failed assertion: line of its source, what it got, what it wanted. */
	void (*guest_assert)(void *ctx, uint32_t line, uint64_t got, uint64_t want);
	/* The test device's host operations, done at the next instruction boundary: enum vm_hostop.
	 */
	void (*hostop)(void *ctx, uint32_t op, const uint64_t arg[4]);
	/* INTR's level from the interrupt controller, and an NMI. */
	void (*intr)(void *ctx, int level);
	void (*nmi)(void *ctx);
	/* The access to an MSR that is being handled is refused: #GP. */
	void (*refuse)(void *ctx);
	/* The guest resets the machine or switches it off: at the next instruction boundary. */
	void (*power)(void *ctx, enum dev_power what);
	/* The task priority was written: CR8 is this now. */
	void (*cr8)(void *ctx, unsigned cr8);
	/*
	 * An interrupt message, a write of (data) to (addr), SDM 3A 10.11: true when it was taken.
	 * And its end, told by the local APIC for vectors that came as level-triggered.
	 */
	bool (*msi)(void *ctx, uint64_t addr, uint32_t data);
	void (*eoi)(void *ctx, unsigned vector);
};

/* What an instance is given. */
struct dev_env {
	struct gmem *mem;
	struct clock *clock;
	struct trace *trace;	 /* may be NULL */
	struct chr *serial;	 /* UARTs */
	struct chr *console;	 /* debug console */
	struct blk *const *disk; /* nr_disks of them; a device's own number comes from its option */
	unsigned nr_disks;
	struct net *const *net; /* network back ends, likewise */
	unsigned nr_nets;
	struct chr *const *chr; /* character back ends beside the two above, likewise */
	unsigned nr_chrs;
	struct vsock_peer *vsock; /* the other end of a socket device; NULL: its own services */
	struct irq irq; /* line 0; a device's own line number comes from its option `irq` */
	struct dev_host host;
	uint64_t seed; /* of everything random */
};

struct dev;
struct net;
struct vsock_peer;

struct dev_range {
	const char *name;
	enum bus_space space;
	uint64_t base; /* the default; the option `base` moves range 0, `base1` range 1, ... */
	uint64_t len;
};

/* An option `name=value` of a device's spec string. */
struct dev_opt {
	const char *name, *help;
	uint32_t off; /* of a uint64_t in the instance */
	uint64_t def, min, max;
};

/* A register map in one table: decode, trace names, documentation and interface coverage. */
struct dev_reg {
	const char *name;
	uint8_t range, width; /* bytes */
	uint32_t off;
	const char *access; /* "r", "w", "rw", "rc" (read clears), "w1c" */
};

#define DEV_RANGES 4

struct dev_class {
	const char *name, *help;
	size_t size; /* of the instance, which begins with struct dev */
	unsigned version;
	const struct dev_range *ranges; /* ends with name NULL */
	const struct dev_opt *opts;	/* ends with name NULL; may be NULL */
	const struct dev_reg *regs;	/* ends with name NULL; may be NULL */
	const struct state_field *state;
	int (*init)(struct dev *d,
		    struct err *err); /* may be NULL; options are set, state is reset */
	void (*reset)(struct dev *d); /* after state_reset(); may be NULL */
	uint64_t (*read)(struct dev *d, unsigned range, uint64_t off, unsigned size);
	void (*write)(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val);
	/*
	 * Further state beyond the table, such as queues: the (i)-th one's table, its object in
	 * *obj; NULL past the end. reset() resets it, the rest works by itself. May be NULL.
	 */
	const struct state_table *(*part)(const struct dev *d, unsigned i, const void **obj);
	/*
	 * Check what came in, re-arm timers. Interrupt lines are not driven: the controller loads
	 * its own idea of them; it alone tells the CPU.
	 */
	int (*post_load)(struct dev *d, struct err *err);
	void (*fini)(struct dev *d);
};

/* What a device did; no part of its state. */
struct dev_stats {
	uint64_t reads, writes; /* accesses by the guest's CPU */
	uint64_t guest_errors;
	uint64_t interrupts; /* virtio devices: by the line or by message */
};
extern const struct stats_entry dev_stats_table[];

struct dev {
	const struct dev_class *cls;
	char name[24]; /* "uart0": class and 0, until the owner numbers its devices */
	struct dev_env env;
	struct irq irq;	   /* wired to env.irq with this device's line */
	uint64_t irq_line; /* option `irq`; DEV_NO_IRQ: none */
	struct state_table table;
	unsigned nr_ranges;
	struct dev_range_ref {
		struct dev *dev;
		unsigned index;
		uint64_t base;
		int id; /* bus id or -1 */
	} range[DEV_RANGES];
	bool busy;	  /* it handles an access */
	struct bus *bus;  /* it is on this one, or NULL */
	struct dev *next; /* the owner's list */
	struct dev_stats stats;
};

#define DEV_NO_IRQ UINT64_MAX

/* All classes in the tree, sorted by name; NULL-terminated. Made from the files in models/. */
extern const struct dev_class *const dev_classes[];
const struct dev_class *dev_class_find(const char *name);

/*
 * Make one from "class[,opt=value]...": `uart,base=0x3f8,irq=4`. Not on a bus yet.
 * -ENOENT (no such class: the message lists them), -EINVAL (an option that is unknown, does not
 * parse, is out of range: named), -ENOMEM.
 */
int dev_new(struct dev **out, const char *spec, const struct dev_env *env, struct err *err);
/* The same for a class that is in no list: a foreign device. */
int dev_new_class(struct dev **out, const struct dev_class *cls, const char *opts,
		  const struct dev_env *env, struct err *err);
void dev_free(struct dev *d); /* leaves the bus first if it is on one */

/* Put its ranges on the bus, or take them away. */
int dev_attach(struct dev *d, struct bus *bus, struct err *err);
void dev_detach(struct dev *d, struct bus *bus);

/* As power-on: the fresh state, timers cancelled, lines low. */
void dev_reset(struct dev *d);
/* Append the saved form; 0 or -ENOMEM. */
int dev_save(const struct dev *d, struct buf *out);
/* *used of (len) bytes were this device's. On an error (-EINVAL, -ENOMEM) it is as it was. */
int dev_load(struct dev *d, const void *p, size_t len, size_t *used, struct err *err);
uint64_t dev_hash(const struct dev *d, uint64_t seed);
/* {"table":{fields},"part":{fields}}; appended. */
void dev_json(const struct dev *d, struct buf *out);

/*
 * An access of 1 to 8 bytes at any offset as the bus makes it, for fuzz targets and unit tests
 * without a bus: cut where the bus cuts, nothing (all ones) beyond the range's end.
 */
uint64_t dev_read(struct dev *d, unsigned range, uint64_t off, unsigned size);
void dev_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val);

/* The register at (range, off), or NULL: for traces. */
const struct dev_reg *dev_reg_find(const struct dev_class *cls, unsigned range, uint64_t off);

/* A guest error that a device saw: leaves TRACE_DEV with (text), a static string. */
void dev_guest_error(struct dev *d, const char *text, uint64_t addr, uint64_t val);

/* ---- the interrupt controller: the machine asks its vector when the CPU takes INTR ----------- */

/* i8259 pair: -1 none pending. The class is "pic"; (d) must be one. */
int pic_ack(struct dev *d);
void pic_set(void *dev, unsigned line, int level); /* struct irq's set: lines 0 to 15 */

/*
 * The local APIC, class "lapic", stands between the 8259 and the CPU: the vector to be delivered, -1
 * none, LAPIC_EXTINT: the 8259's, which is to be asked. Its LINT0 is the 8259's output.
 */
#define LAPIC_EXTINT (-2)
int lapic_ack(struct dev *d);
void lapic_lint0(struct dev *d, int level);
void lapic_set_cr8(struct dev *d, unsigned cr8); /* the CPU's MOV to CR8 */
/* A message for the CPU; false: it is not for this one, or its APIC takes none now. */
bool lapic_msi(struct dev *d, uint64_t addr, uint32_t data);

/* ---- the PC's other chips ---------------------------------------------------------------------- */

/*
 * The I/O APIC, class "ioapic": 24 pins; ioapic_set is struct irq's set. What a pin says goes out by
 * dev_host.msi; the end of a level-triggered vector comes back by ioapic_eoi().
 */
#define IOAPIC_PINS 24u
void ioapic_set(void *dev, unsigned pin, int level);
void ioapic_eoi(struct dev *d, unsigned vector);

/*
 * fw_cfg, class "fw-cfg": (data) is what selector (key) reads; borrowed, it outlives the device.
 * Keys below 0x40 are fixed ones; -ENOSPC: no room for another, -EEXIST: there already.
 */
int fw_cfg_add(struct dev *d, uint16_t key, const void *data, size_t len);
/* A file in the directory, by its name of 1 to 55 bytes; -EINVAL: another name, over 4 GiB. */
int fw_cfg_add_file(struct dev *d, const char *name, const void *data, size_t len);

#endif
