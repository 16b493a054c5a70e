/* SPDX-License-Identifier: MIT */
/*
 * pci_touch: what an access of fuzz/targets/pci_config.c touches: the register of a function, which way and
 * in which width, as a counter (iface.h) and, where a replay asks for it, in words (say.h). Included once,
 * behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_PCI_TOUCH_H
#define FUZZ_ENGINE_PCI_TOUCH_H

#include "pci_world.h"

/* Registers: 4 bytes of configuration space each, and so on. Both plain functions are one. */
enum {
	TOUCH_PLAIN,
	TOUCH_RNG = 64,
	TOUCH_BRIDGE = 128,
	TOUCH_ABSENT,
	TOUCH_PORT,				    /* CONFIG_ADDRESS */
	TOUCH_PLAIN_BAR,			    /* a BAR each */
	TOUCH_RNG_BAR = TOUCH_PLAIN_BAR + PCI_BARS, /* the common configuration, then 1 KiB each */
	TOUCH_RNG_MSIX = TOUCH_RNG_BAR + 32,
	TOUCH_REGS
};

#define IFACE_SLOTS (TOUCH_REGS * 8u)
#include "iface.h"
#include "say.h"

#define PCI_SAY(...)                                                                               \
	do {                                                                                       \
		if (FUZZ_SAYING && !W.again)                                                       \
			FUZZ_SAY(__VA_ARGS__);                                                     \
	} while (0)

static void touch(unsigned reg, bool write, unsigned size)
{
	unsigned width = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;

	if (!W.again)
		iface_hit(reg * 8 + (unsigned)write * 4 + width);
}

#ifndef VISE_FUZZ
static const char *touch_function(unsigned slot)
{
	return slot > LAST_SLOT ? "nothing" : slot ? W.dev[slot]->cls->name : W.host->cls->name;
}

/* 6.1 of PCI 3.0; capabilities lie elsewhere in each function. */
static const char *touch_config_name(unsigned off)
{
	static const char *const names[] = {"Vendor, Device",
					    "Command, Status",
					    "Revision, Class",
					    "Header",
					    "BAR0",
					    "BAR1",
					    "BAR2",
					    "BAR3",
					    "BAR4",
					    "BAR5",
					    "CardBus",
					    "Subsystem",
					    "ROM",
					    "Capabilities",
					    "reserved",
					    "Interrupt"};

	return off / 4 < ARRAY_SIZE(names) ? names[off / 4] : "capability";
}
#endif

/* An access of configuration space: (there): of function 0 of a slot of bus 0. */
static void touch_config(unsigned slot, bool there, unsigned off, bool write, unsigned size,
			 uint64_t val)
{
	if (!there || slot > LAST_SLOT || off >= PCI_CONFIG_LEN)
		touch(TOUCH_ABSENT, write, size);
	else if (!slot)
		touch(TOUCH_BRIDGE, write, size);
	else
		touch((slot == RNG_SLOT ? TOUCH_RNG : TOUCH_PLAIN) + off / 4, write, size);
#ifndef VISE_FUZZ
	FUZZ_WHERE("device %s, %s of configuration space", touch_function(slot),
		   write ? "write" : "read");
	if (write)
		PCI_SAY("slot %u %s%s: config w 0x%x %u 0x%llx (%s)", slot, touch_function(slot),
			there ? "" : ", another function", off, size, (unsigned long long)val,
			touch_config_name(off));
	else
		PCI_SAY("slot %u %s%s: config r 0x%x %u (%s)", slot, touch_function(slot),
			there ? "" : ", another function", off, size, touch_config_name(off));
#else
	(void)val;
#endif
}

static void touch_bar(unsigned slot, unsigned bar, uint64_t off, bool write, unsigned size,
		      uint64_t val)
{
	if (slot != RNG_SLOT)
		touch(TOUCH_PLAIN_BAR + bar, write, size);
	else if (bar != VIRTIO_PCI_BAR)
		touch(TOUCH_RNG_MSIX, write, size);
	else
		touch(TOUCH_RNG_BAR + (off < 0x40	  ? (unsigned)off / 4
				       : off < 0x400 * 15 ? 16 + (unsigned)(off / 0x400)
							  : 31),
		      write, size);
#ifndef VISE_FUZZ
	FUZZ_WHERE("device %s, %s of BAR %u", touch_function(slot), write ? "write" : "read", bar);
	if (write)
		PCI_SAY("slot %u %s: BAR %u w 0x%llx %u 0x%llx", slot, touch_function(slot), bar,
			(unsigned long long)off, size, (unsigned long long)val);
	else
		PCI_SAY("slot %u %s: BAR %u r 0x%llx %u", slot, touch_function(slot), bar,
			(unsigned long long)off, size);
#else
	(void)val;
#endif
}

/* What was read. */
static void touched(uint64_t val)
{
#ifndef VISE_FUZZ
	if (FUZZ_SAYING && !W.again)
		printf("#   0x%llx\n", (unsigned long long)val);
#else
	(void)val;
#endif
}

#ifndef VISE_FUZZ
static unsigned touch_report(unsigned slot, unsigned off)
{
	static const char *const widths[] = {"1", "2", "4", "other"};
	unsigned reg = (slot == RNG_SLOT ? TOUCH_RNG : TOUCH_PLAIN) + off / 4, missing = 0;
	const struct pci_func *f = W.f[slot];

	printf("# interface %s config 0x%02x %s", touch_function(slot), off,
	       touch_config_name(off));
	for (unsigned write = 0; write < 2; write++) {
		unsigned seen = 0;

		for (unsigned w = 0; w < 4; w++) {
			unsigned n = fuzz_iface[reg * 8 + write * 4 + w];

			if (n)
				printf(" %c%s:%u", write ? 'w' : 'r', widths[w], n);
			seen += n;
		}
		if (!seen && (!write || ld_le32(f->writable + off) || ld_le32(f->clears + off))) {
			printf(" never %s", write ? "written" : "read");
			missing++;
		}
	}
	printf("\n");
	return missing;
}

unsigned fuzz_report_interface(void)
{
	unsigned missing = 0;

	for (unsigned slot = 1; slot <= RNG_SLOT && W.host; slot++)
		for (unsigned off = 0; off < W.f[slot]->next_cap; off += 4)
			missing += touch_report(slot, off);
	return missing;
}
#endif

#endif
