/* SPDX-License-Identifier: MIT */
/*
 * pci: one PCI bus behind a host bridge (PCI Local Bus 3.0, PCI Firmware 3.0): configuration space by
 * ports 0xcf8 and 0xcfc and by ECAM, functions with BARs, INTx and MSI-X. virtio_pci.h is the virtio
 * transport upon it. [hostile: fuzz/targets/pci_config.c]
 *
 * Guarantees
 * - Bus 0, 32 devices, function 0 of each. What is not there reads all ones and drops writes; so does
 *   configuration space above 256 bytes: these are conventional functions, seen by ECAM too.
 * - A function sees accesses to its registers of 1, 2 or 4 bytes, aligned; the host cuts others, low
 *   address first. CONFIG_ADDRESS is heard as 4 bytes at 0xcf8 only; other accesses to its bytes read
 *   all ones and do nothing (3.2.2.3.2).
 * - A BAR decodes what COMMAND enables. Where something else is decoded already it decodes nothing and
 *   leaves a guest error; it is tried again, in order of slot and BAR, at each change of a COMMAND or
 *   a BAR on the bus and at a function's reset. RAM hides what a BAR puts under it.
 * - Bus master off: no message leaves the function. MSI-X vectors wait in their pending bits and go out
 *   when it is on again. The device is told (pci_func_ops.master) and must let RAM alone.
 * - MSI-X enabled: INTx is low (6.8.2). Messages: at most one a vector waits.
 * - MSI-X table: aligned writes of 4 or 8 bytes count (6.8.2), others do nothing; reads of any width.
 * - State, reset and hash are field tables: PCI_FUNC_STATE_FIELDS, and the host bridge's own.
 * The caller promises: the host bridge outlives no bus, a function no gmem; one thread. A function's
 * dev is freed before the bus that it was attached to.
 * Who frees: dev_free(), in any order: a freed function leaves its slot, a freed host its functions.
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <vmm/dev.h>

#define PCI_SLOTS	32u
#define PCI_BARS	6u
#define PCI_CONFIG_LEN	256u
#define PCI_LINES	4u
#define PCI_VECTORS	64u /* of MSI-X at most, a function */
#define PCI_CONFIG_PORT 0xcf8u
#define PCI_ECAM	0xe0000000u
#define PCI_ECAM_LEN	(1u << 20) /* bus 0 */

/* Registers of a type 0 header, 6.1 */
enum pci_reg {
	PCI_VENDOR = 0x00,
	PCI_DEVICE = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08,
	PCI_CLASS = 0x09, /* 3 bytes */
	PCI_CACHE_LINE = 0x0c,
	PCI_LATENCY = 0x0d,
	PCI_HEADER = 0x0e,
	PCI_BAR0 = 0x10,
	PCI_SUBSYSTEM_VENDOR = 0x2c,
	PCI_SUBSYSTEM = 0x2e,
	PCI_ROM = 0x30,
	PCI_CAPABILITIES = 0x34,
	PCI_LINE = 0x3c,
	PCI_PIN = 0x3d,
	PCI_FIRST_CAPABILITY = 0x40, /* of ours */
};
/* COMMAND and STATUS, 6.2.2, 6.2.3 */
#define PCI_COMMAND_IO		(1u << 0)
#define PCI_COMMAND_MEMORY	(1u << 1)
#define PCI_COMMAND_MASTER	(1u << 2)
#define PCI_COMMAND_PARITY	(1u << 6)
#define PCI_COMMAND_SERR	(1u << 8)
#define PCI_COMMAND_NO_INTX	(1u << 10)
#define PCI_STATUS_INTX		(1u << 3)
#define PCI_STATUS_CAPABILITIES (1u << 4)
/* Capability IDs, appendix H */
#define PCI_CAP_VENDOR 0x09u
#define PCI_CAP_MSIX   0x11u
/* MSI-X, 6.8.2: offsets in the capability, bits of message control, an entry of the table */
#define PCI_MSIX_CONTROL    2u
#define PCI_MSIX_TABLE	    4u
#define PCI_MSIX_PBA	    8u
#define PCI_MSIX_CAP_LEN    12u
#define PCI_MSIX_ENABLE	    (1u << 15)
#define PCI_MSIX_MASK_ALL   (1u << 14)
#define PCI_MSIX_ENTRY	    16u
#define PCI_MSIX_ENTRY_MASK 1u
#define PCI_MSIX_PBA_OFF    0x800u /* of the PBA in the MSI-X BAR; the table is at its start */
#define PCI_MSIX_BAR_LEN    0x1000u

/* Flags of a BAR, 6.2.5.1 */
#define PCI_BAR_IO	 1u
#define PCI_BAR_64	 4u /* it takes the next BAR's register too */
#define PCI_BAR_PREFETCH 8u

struct pci_func;
struct pci_host;

/* What a function's device does by itself; any may be NULL. */
struct pci_func_ops {
	/* [off, off + size) lies in the BAR; size is 1, 2, 4 or 8. */
	uint64_t (*bar_read)(struct pci_func *f, unsigned bar, uint64_t off, unsigned size);
	void (*bar_write)(struct pci_func *f, unsigned bar, uint64_t off, unsigned size,
			  uint64_t val);
	/* Before a read: bring f->config up to date there. After a write: [off, off + size) was written. */
	void (*config_read)(struct pci_func *f, unsigned off, unsigned size);
	void (*config_written)(struct pci_func *f, unsigned off, unsigned size);
	/* COMMAND's bus master bit is this now. */
	void (*master)(struct pci_func *f, bool on);
};

struct pci_ident {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint8_t revision;
	uint32_t class_code; /* 24 bits: base class, subclass, interface */
	uint8_t pin;	     /* 1 to 4: INTA# to INTD#; 0: none */
};

struct pci_bar {
	uint64_t len; /* a power of two; 0: there is none */
	unsigned flags;
	struct pci_func *func;
	struct bus *bus; /* what follows is of the bus that it is on */
	uint64_t base;
	int id; /* -1: on none */
};

/* Begins every PCI device's instance. */
struct pci_func {
	struct dev dev;
	const struct pci_func_ops *ops;
	struct pci_host *host; /* NULL: it is in no slot */
	unsigned slot;
	/* what it is: set up once, by the functions below */
	uint8_t initial[PCI_CONFIG_LEN];			  /* config after reset */
	uint8_t writable[PCI_CONFIG_LEN], clears[PCI_CONFIG_LEN]; /* by software; by writing 1 */
	uint8_t changes[PCI_CONFIG_LEN];			  /* by the device itself */
	struct pci_bar bar[PCI_BARS];
	unsigned nr_vectors, msix_bar, msix_cap, next_cap, last_cap;
	uint64_t slot_wanted; /* option `slot`; 0: the next one that is free */
	/* state */
	uint8_t config[PCI_CONFIG_LEN];
	uint8_t decoded; /* a bit a BAR: it is on the bus */
	uint8_t msix_table[PCI_VECTORS * PCI_MSIX_ENTRY];
	uint64_t msix_pending; /* a bit a vector */
	bool intx;	       /* the device asks for its line */
	bool line;	       /* the line is up for it */
};

#define PCI_FUNC_STATE_FIELDS                                                                      \
	STATE_RAW(struct pci_func, config), STATE_U(struct pci_func, decoded, 0),                  \
		STATE_RAW(struct pci_func, msix_table), STATE_U(struct pci_func, msix_pending, 0), \
		STATE_B(struct pci_func, intx, 0), STATE_B(struct pci_func, line, 0)

/*
 * The hooks of a PCI device's dev_class, which has no ranges of its own. An own reset, post_load or
 * fini begins with these; an own init with pci_func_init().
 */
#define PCI_FUNC_CLASS_HOOKS                                                                       \
	.read = pci_func_read, .write = pci_func_write, .reset = pci_func_reset,                   \
	.post_load = pci_func_post_load, .fini = pci_func_fini
#define PCI_FUNC_OPTS                                                                              \
	{                                                                                          \
		"slot", "number on the bus, 0: the next free one",                                 \
			offsetof(struct pci_func, slot_wanted), 0, 0, PCI_SLOTS - 1                \
	}
/* dev_class's read and write: (range) is the number of a BAR. */
uint64_t pci_func_read(struct dev *d, unsigned range, uint64_t off, unsigned size);
void pci_func_write(struct dev *d, unsigned range, uint64_t off, unsigned size, uint64_t val);
void pci_func_reset(struct dev *d);
int pci_func_post_load(struct dev *d, struct err *err);
void pci_func_fini(struct dev *d);

/* ---- building a function: before it is used, mistakes are our bugs (assert) --------------------- */

void pci_func_init(struct pci_func *f, const struct pci_ident *id, const struct pci_func_ops *ops);
/* (len): a power of two, memory from 16 bytes on, I/O 4 to 256. */
void pci_bar_add(struct pci_func *f, unsigned bar, uint64_t len, unsigned flags);
/*
 * A capability of (len) bytes, the first two (ID and next) not counted in (body) and (writable), which
 * may be NULL: nothing is. Where it is in configuration space; 0: there is no room.
 */
unsigned pci_cap_add(struct pci_func *f, uint8_t id, const void *body, const void *writable,
		     unsigned len);
/* MSI-X with (vectors), 1 to PCI_VECTORS, in a 32-bit memory BAR of its own. */
void pci_msix_add(struct pci_func *f, unsigned bar, unsigned vectors);

/* ---- a function at work --------------------------------------------------------------------------- */

static inline uint16_t pci_command(const struct pci_func *f)
{
	return ld_le16(f->config + PCI_COMMAND);
}
static inline bool pci_is_master(const struct pci_func *f)
{
	return pci_command(f) & PCI_COMMAND_MASTER;
}
/* The device asks for its INTx line, or not any more. */
void pci_intx(struct pci_func *f, bool level);
bool pci_msix_enabled(const struct pci_func *f);
/* Send a vector's message, now or when nothing masks it. A vector that is not there: nothing. */
void pci_msix_send(struct pci_func *f, unsigned vector);
/* The device was reset by itself: nothing is pending. */
void pci_msix_forget(struct pci_func *f);
/* Where a BAR is (whether it decodes or not). */
uint64_t pci_bar_base(const struct pci_func *f, unsigned bar);

/* An access to a BAR as the bus makes it, wherever it is: cut, and nothing beyond its end. */
uint64_t pci_bar_read(struct pci_func *f, unsigned bar, uint64_t off, unsigned size);
void pci_bar_write(struct pci_func *f, unsigned bar, uint64_t off, unsigned size, uint64_t val);

/* ---- the host bridge -------------------------------------------------------------------------------- */

/*
 * dev_class "pci-host": ports and ECAM (options base, base1), interrupt lines (irq: of INTA#; lines: 1,
 * or 4 in a row, which slot and pin share out as PCI-to-PCI Bridge 1.2, table 9-1 says). It is device 0
 * itself.
 */
extern const struct dev_class dev_class_pci_host;

/*
 * Put a function into the slot that it wants, or into the next free one from 1 on. Both are attached to
 * the same bus. -EEXIST: taken; -ENOSPC: no slot is free.
 */
int pci_plug(struct dev *host, struct pci_func *f, struct err *err);
struct pci_func *pci_func_at(const struct dev *host, unsigned slot); /* NULL: none */
struct pci_func *pci_func_of(
	struct dev *d); /* (d)'s class has PCI_FUNC_CLASS_HOOKS' read; else NULL */
/* The line of env.irq that a function's pin (1 to 4) is on. */
unsigned pci_line_of(const struct dev *host, unsigned slot, unsigned pin);

/* An access of 1 to 8 bytes to configuration space of bus 0: the offset in ECAM. */
uint64_t pci_config_read(struct dev *host, uint32_t off, unsigned size);
void pci_config_write(struct dev *host, uint32_t off, unsigned size, uint64_t val);

/* What firmware does: BARs from these windows, decoding on, the line's number. 0, or -ENOSPC. */
struct pci_windows {
	uint64_t io, io_len, memory, memory_len;
};
int pci_assign(struct dev *host, const struct pci_windows *w, struct err *err);

#endif
