/* SPDX-License-Identifier: MIT */
/*
 * mmio_ops: what else happens to the machine of fuzz/targets/mmio.c: time, lines, set-up of the old chips,
 * resets, save and load. Included once, behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_OPS_H
#define FUZZ_ENGINE_MMIO_OPS_H

#include "mmio_access.h"

#define STEP_PARTS  4u
#define STEP_TIMERS 16u

/*
 * The PIT may have an edge each 840 ns: a timer that is due soon makes the step short, looked at
 * afresh in each of its parts.
 */
static int step_clock(uint64_t ns)
{
	for (unsigned i = 0; i < STEP_PARTS; i++) {
		uint64_t part = (ns + i) / STEP_PARTS, next = clock_next(&M.clock), due;
		int rc;

		due = next > clock_now(&M.clock) ? next - clock_now(&M.clock) : 1;
		if (due < part / STEP_TIMERS)
			part = due * STEP_TIMERS;
		MMIO_SAY("wait %llu", (unsigned long long)part);
		rc = clock_advance(&M.clock, part);
		if (rc)
			return rc;
	}
	return 0;
}

static void op_clock(void)
{
	uint8_t b = u8();

	for (unsigned i = 0; i <= b >> 5; i++) {
		uint32_t before = R.lines;
		int rc = step_clock(1ull << (b & 31));

		FUZZ_ORACLE(!rc, "clock", "a timer fires for ever");
		if (R.lines & ~before & 1u << TEST_LINE)
			depth_hit(test_timer);
	}
	depth_hit(clock_stepped);
}

static void op_ack(void)
{
	bool up = R.intr;
	int vector = pic_ack(M.d[PIC]);

	R.touched |= 1u << PIC;
	MMIO_SAY("acknowledge: vector %d with INTR at %d", vector, up);
	FUZZ_ORACLE(up ? vector >= 0 && vector <= 0xff : vector == -1, "pic-ack",
		    "vector %d with INTR at %d", vector, up);
	if (vector < 0)
		depth_hit(pic_none);
	else if (vector >= 0x28 && vector < 0x30)
		depth_hit(pic_ack_slave);
	else if (vector >= 0x20)
		depth_hit(pic_ack_master);
	if (vector == 0x27 && !(R.lines & 0x80))
		depth_hit(pic_spurious);
}

static void op_line(void)
{
	uint8_t b = u8();
	uint32_t bit = 1u << (b & 15);

	/* Not a line that a device with an oracle for it holds. */
	if (bit & (1u << UART_LINE | 1u << TEST_LINE | 1u << RNG_LINE | 1u << ECHO_LINE))
		return;
	MMIO_SAY("line %u is %u", b & 15u, b >> 4 & 1u);
	on_line(NULL, b & 15, b >> 4 & 1);
}

static void out8(uint16_t port, uint8_t val)
{
	bus_out(BUS_PIO, port, 1, val);
}

static void op_uart(void)
{
	uint8_t b = u8();

	R.touched |= 1u << UART;
	out8(UART_BASE + 3, 0x83);
	out8(UART_BASE, 1);
	out8(UART_BASE + 1, 0);
	out8(UART_BASE + 3, 0x03);
	out8(UART_BASE + 2, b | 1);
	out8(UART_BASE + 4, (b & 0x10) | 0x0b);
	out8(UART_BASE + 1, 0x0f);
}

static void op_pic(void)
{
	uint8_t b = u8();

	R.touched |= 1u << PIC;
	for (unsigned slave = 0; slave < 2; slave++) {
		uint16_t port = slave ? 0xa0 : 0x20;

		out8(port, 0x11 | (b & 8));
		out8(port + 1, slave ? 0x28 : 0x20);
		out8(port + 1, slave ? 2 : 4);
		out8(port + 1, 1 | (b & 0x12));
		out8(port + 1, 0);
	}
}

static void op_result(void)
{
	int8_t result = (int8_t)u8();

	R.touched |= 1u << TEST;
	MMIO_SAY("host operation: result %d", result);
	testdev_set_result(M.d[TEST], result);
}

static void check_all_virtio(void)
{
	check_virtio(0);
	check_virtio(1);
}

static void op_reset(void)
{
	unsigned which = u8() % DEVICES;

	depth_hit(device_reset);
	MMIO_SAY("reset %s", M.d[which]->cls->name);
	R.touched |= 1u << which;
	dev_reset(M.d[which]);
	if (which == RNG || which == ECHO)
		memset(R.sized[which == ECHO], 0, sizeof(R.sized[0]));
	if (which == EDGES) {
		memset(R.top, 0, sizeof(R.top));
		memset(R.low, 0, sizeof(R.low));
	}
	/* Its lines are down at the other end too; a PIC that forgets them is told again. */
	for (unsigned i = 0; which == PIC && i < 16; i++)
		pic_set(M.d[PIC], i, R.lines >> i & 1);
	check_all_virtio();
}

/* A device through its saved form: nothing may change, and it must come out the same. */
static void save_and_load(unsigned i)
{
	static struct buf a, b; /* kept: allocating costs as much as saving */
	struct err err = {0};
	size_t used = 0;

	a.len = b.len = 0;
	FUZZ_ORACLE(!dev_save(M.d[i], &a), "save", "device %u", i);
	dev_reset(M.d[i]);
	FUZZ_ORACLE(!dev_load(M.d[i], a.p, a.len, &used, &err) && used == a.len, "load", "%s",
		    err.msg);
	FUZZ_ORACLE(!dev_save(M.d[i], &b) && a.len == b.len && memcmp(a.p, b.p, a.len) == 0,
		    "save-load-save", "device %s", M.d[i]->cls->name);
}

static void op_save(void)
{
	uint32_t lines = R.lines;
	static struct buf pic;
	size_t used;

	if (!R.dear || R.saved) /* once an input: it is dear indeed */
		return;
	R.saved = true;
	MMIO_SAY("save, reset and load all");
	depth_hit(saved_and_loaded);
	/*
	 * The resets in between lower lines at the PIC, which the loads do not raise again: its own
	 * state is put back at the end.
	 */
	pic.len = 0;
	FUZZ_ORACLE(!dev_save(M.d[PIC], &pic), "save", "the PIC");
	for (unsigned i = 0; i < DEVICES; i++)
		save_and_load(i);
	FUZZ_ORACLE(!dev_load(M.d[PIC], pic.p, pic.len, &used, NULL), "load", "the PIC");
	R.lines = lines;
}

#endif
