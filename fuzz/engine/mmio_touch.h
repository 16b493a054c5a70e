/* SPDX-License-Identifier: MIT */
/*
 * mmio_touch: what an access of fuzz/targets/mmio.c touches: the register of a device, which way and in
 * which width, as a counter (iface.h) and, where a replay asks for it, in words (say.h). Included once,
 * behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_TOUCH_H
#define FUZZ_ENGINE_MMIO_TOUCH_H

#include "mmio_machine.h"

/* Registers: of each virtio device 64 and one for its configuration, and so on. */
enum {
	TOUCH_VIRTIO = 65,
	TOUCH_UART = 2 * TOUCH_VIRTIO, /* from 2 ports before it */
	TOUCH_PORTS = TOUCH_UART + 12, /* MMIO_PORTS */
	TOUCH_TEST = TOUCH_PORTS + 32, /* 8 bytes each, and one for those behind */
	TOUCH_PIO = TOUCH_TEST + 49,   /* 2 bytes each, from 2 before */
	TOUCH_MSR = TOUCH_PIO + 20,    /* each, and one for the others */
	TOUCH_REST = TOUCH_MSR + 9,    /* the ends of MMIO, other ports, other addresses */
	TOUCH_REGS = TOUCH_REST + 3,
	TOUCH_PORT_END = 0x720,
};

#define IFACE_SLOTS (TOUCH_REGS * 8u)
#include "iface.h"
#include "say.h"

_Static_assert(TOUCH_REGS <= 256, "in a byte");
static uint8_t touch_ports[TOUCH_PORT_END];

static void touch_make(void)
{
	static const uint16_t ports[] = {MMIO_PORTS};

	memset(touch_ports, TOUCH_REST + 1, sizeof(touch_ports));
	for (unsigned i = 0; i < 12; i++)
		touch_ports[UART_BASE - 2 + i] = (uint8_t)(TOUCH_UART + i);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
		touch_ports[ports[i]] = (uint8_t)(TOUCH_PORTS + i);
	for (unsigned i = 0; i < 34; i++)
		touch_ports[TEST_PIO - 2 + i] = (uint8_t)(TOUCH_PIO + i / 2);
}

static unsigned touch_reg(enum bus_space space, uint64_t addr)
{
	uint64_t off = addr - MMIO_RNG;

	_Static_assert(MMIO_ECHO == MMIO_RNG + VIRTIO_MMIO_LEN, "one behind the other");
	if (space == BUS_PIO)
		return addr < TOUCH_PORT_END ? touch_ports[addr] : TOUCH_REST + 1;
	if (space == BUS_MSR)
		return TOUCH_MSR + (addr - TESTDEV_MSR < 8 ? (unsigned)(addr - TESTDEV_MSR) : 8);
	if (off < VIRTIO_MMIO_LEN * 2ull) {
		unsigned which = off >= VIRTIO_MMIO_LEN;

		off -= which ? VIRTIO_MMIO_LEN : 0;
		return which * TOUCH_VIRTIO +
		       (off < VIRTIO_MMIO_CONFIG ? (unsigned)off / 4 : TOUCH_VIRTIO - 1);
	}
	off = addr - TEST_MMIO;
	if (off < 0x1000)
		return TOUCH_TEST + (off < 48 * 8 ? (unsigned)off / 8 : 48);
	return UINT64_MAX - addr < MMIO_TOP_LEN ? TOUCH_REST : TOUCH_REST + 2;
}

static unsigned touch_slot(enum bus_space space, uint64_t addr, bool write, unsigned size)
{
	unsigned width = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;

	return touch_reg(space, addr) * 8 + (unsigned)write * 4 + width;
}

#define MMIO_SAY(...)                                                                              \
	do {                                                                                       \
		if (FUZZ_SAYING && !R.again)                                                       \
			FUZZ_SAY(__VA_ARGS__);                                                     \
	} while (0)

#ifndef VISE_FUZZ
/* Whose address it is, and which register. */
static void touch_name(enum bus_space space, uint64_t addr, char *text, size_t room)
{
	(void)snprintf(text, room, "nobody");
	for (unsigned i = 0; i < DEVICES; i++) {
		const struct dev_range *r = M.d[i]->cls->ranges;

		for (unsigned k = 0; r && r[k].name; k++) {
			const struct dev_reg *reg;

			if (r[k].space != space || addr - r[k].base >= r[k].len)
				continue;
			reg = dev_reg_find(M.d[i]->cls, k, addr - r[k].base);
			(void)snprintf(
				text, room, "%s %s+0x%llx", M.d[i]->cls->name,
				reg ? reg->name : r[k].name,
				(unsigned long long)(addr - r[k].base - (reg ? reg->off : 0)));
			return;
		}
	}
}

static const char *touch_space(enum bus_space space)
{
	return space == BUS_PIO ? "pio" : space == BUS_MSR ? "msr" : "mmio";
}
#endif

/*
 * Of the engine's no counters: the code's edges tell the registers apart, and these cost a quarter of the
 * speed.
 */
static void touch_count(unsigned slot)
{
#ifdef VISE_FUZZ
	fuzz_iface_ever[slot] = 1;
#else
	if (!R.again)
		iface_hit(slot);
#endif
}

/* Before an access: counted, and said. */
static void touch(enum bus_space space, uint64_t addr, bool write, unsigned size, uint64_t val)
{
	touch_count(touch_slot(space, addr, write, size));
#ifndef VISE_FUZZ
	char name[100], value[24] = "", width[8] = "";

	touch_name(space, addr, name, sizeof(name));
	FUZZ_WHERE("device %s, %s", name, write ? "write" : "read");
	if (write)
		(void)snprintf(value, sizeof(value), " 0x%llx", (unsigned long long)val);
	if (space != BUS_MSR)
		(void)snprintf(width, sizeof(width), " %u", size);
	MMIO_SAY("%s %c 0x%llx%s%s", touch_space(space), write ? 'w' : 'r',
		 (unsigned long long)addr, width, value);
#else
	(void)val;
#endif
}

/* Afterwards: what came of it. */
static void touched(enum bus_space space, uint64_t addr, bool write, int rc, uint64_t val)
{
#ifndef VISE_FUZZ
	char name[100];

	if (!FUZZ_SAYING || R.again)
		return;
	touch_name(space, addr, name, sizeof(name));
	if (rc || write)
		printf("#   %s: %s\n", name, rc ? "nobody answers" : "written");
	else
		printf("#   %s: 0x%llx\n", name, (unsigned long long)val);
#else
	(void)space, (void)addr, (void)write, (void)rc, (void)val;
#endif
}

#ifndef VISE_FUZZ
static unsigned touch_report(const struct dev_class *cls, const struct dev_reg *r)
{
	static const char *const widths[] = {"1", "2", "4", "other"};
	const struct dev_range *range = &cls->ranges[r->range];
	unsigned missing = 0;

	printf("# interface %s %s", cls->name, r->name);
	for (unsigned write = 0; write < 2; write++) {
		unsigned seen = 0, slot = touch_reg(range->space, range->base + r->off) * 8;

		for (unsigned w = 0; w < 4; w++) {
			unsigned n = fuzz_iface[slot + write * 4 + w];

			if (n)
				printf(" %c%s:%u", write ? 'w' : 'r', widths[w], n);
			seen += n;
		}
		if (!seen && strchr(r->access, write ? 'w' : 'r')) {
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

	for (unsigned i = 0; i < DEVICES && M.g; i++)
		for (const struct dev_reg *r = M.d[i]->cls->regs; r && r->name; r++)
			missing += touch_report(M.d[i]->cls, r);
	return missing;
}
#endif

#endif
