/* SPDX-License-Identifier: MIT */
/*
 * mmio_access: the accesses of fuzz/targets/mmio.c: registers, configuration, ports, MSRs, the ends of the
 * address spaces; what each must come back with is judged here. Included once, behind the target's depth
 * counters.
 */
#ifndef FUZZ_ENGINE_MMIO_ACCESS_H
#define FUZZ_ENGINE_MMIO_ACCESS_H

#include "mmio_touch.h"
#include "virtio_regs.h"

/* The byte at an address of a space's ends: ours, or nobody's. */
static uint8_t *edge_byte(enum bus_space space, uint64_t addr)
{
	if (space == BUS_MMIO && UINT64_MAX - addr < MMIO_TOP_LEN)
		return &R.top[0][MMIO_TOP_LEN - 1 - (UINT64_MAX - addr)];
	if (space == BUS_PIO && addr >= 0x10000 - MMIO_PIO_TOP_LEN)
		return &R.top[1][addr - (0x10000 - MMIO_PIO_TOP_LEN)];
	if (space == BUS_PIO && addr < MMIO_PIO_TOP_LEN)
		return &R.low[addr];
	return NULL;
}

/* An access at the ends, a byte at a time: what was read must be what is there. */
static void edge_model(enum bus_space space, bool write, uint64_t addr, unsigned size, uint64_t val)
{
	for (unsigned i = 0; i < size; i++) {
		uint64_t at = addr + i;
		bool beyond = space == BUS_MMIO && at < addr;
		uint8_t *b = edge_byte(space, space == BUS_PIO ? at & 0xffff : at);

		if (beyond || !b)
			b = NULL;
		if (!write)
			FUZZ_ORACLE((val >> 8 * i & 0xff) == (b ? *b : 0xffu), "edge-bytes",
				    "byte %u of %u at %#llx is %#x, model: %#x", i, size,
				    (unsigned long long)addr, (unsigned)(val >> 8 * i & 0xff),
				    b ? *b : 0xffu);
		else if (b)
			*b = (uint8_t)(val >> 8 * i);
	}
	if (space == BUS_MMIO && addr + size < addr)
		depth_hit(top_of_mmio);
	if (space == BUS_PIO && addr + size > 0x10000)
		depth_hit(top_of_pio);
}

static uint64_t bus_in(enum bus_space space, uint64_t addr, unsigned size)
{
	uint64_t val = 0;
	int rc;

	touch(space, addr, false, size, 0);
	rc = bus_read(M.bus, space, addr, size, &val);
	touched(space, addr, false, rc, val);
	R.accesses++;
	R.mapped += !rc;
	FUZZ_ORACLE(rc == 0 || rc == -ENXIO, "bus-result", "a read returns %d", rc);
	FUZZ_ORACLE(space == BUS_MSR || (val & ~size_mask(size)) == 0, "read-size",
		    "%u bytes at %#llx are %#llx", size, (unsigned long long)addr,
		    (unsigned long long)val);
	if (rc) {
		depth_hit(unmapped);
		FUZZ_ORACLE(val == (space == BUS_MSR ? UINT64_MAX : size_mask(size)), "unmapped",
			    "nothing reads as %#llx", (unsigned long long)val);
	}
	return val;
}

static void bus_out(enum bus_space space, uint64_t addr, unsigned size, uint64_t val)
{
	int rc;

	touch(space, addr, true, size, val);
	rc = bus_write(M.bus, space, addr, size, val);
	touched(space, addr, true, rc, val);
	R.accesses++;
	R.mapped += !rc;
	FUZZ_ORACLE(rc == 0 || rc == -ENXIO, "bus-result", "a write returns %d", rc);
}

static void count_register_write(const struct virtio *v, uint64_t off, uint64_t val)
{
	const struct virtq *q = v->queue_sel < v->vc->nr_queues ? &v->q[v->queue_sel] : NULL;

	if (off == VIRTIO_MMIO_STATUS && !val)
		depth_hit(status_reset);
	if (off == VIRTIO_MMIO_INTERRUPT_ACK && (v->interrupt_status & val))
		depth_hit(interrupt_acked);
	if (off == VIRTIO_MMIO_QUEUE_NUM && q && (val & (val - 1) || val > q->num_max))
		depth_hit(size_refused);
	if (q && q->ready && (off == VIRTIO_MMIO_QUEUE_NUM || off == VIRTIO_MMIO_QUEUE_DESC_LOW))
		depth_hit(frozen_write);
}

static void count_register_written(const struct virtio *v, uint64_t off, uint64_t val)
{
	const struct virtq *q = v->queue_sel < v->vc->nr_queues ? &v->q[v->queue_sel] : NULL;

	if (off == VIRTIO_MMIO_QUEUE_READY && val == 1 && q && !q->ready)
		depth_hit(queue_refused);
	if (off == VIRTIO_MMIO_QUEUE_NUM && q && !q->ready)
		R.sized[v == virtio(1)][v->queue_sel] = (uint32_t)val;
	/* A reset, of the queue alone too, gives back the largest size. */
	if (off == VIRTIO_MMIO_QUEUE_READY && !val && q)
		R.sized[v == virtio(1)][v->queue_sel] = 0;
	if (off != VIRTIO_MMIO_STATUS)
		return;
	if (!val)
		memset(R.sized[v == virtio(1)], 0, sizeof(R.sized[0]));
	if ((val & VIRTIO_S_FEATURES_OK) && !(v->status & VIRTIO_S_FEATURES_OK))
		depth_hit(features_refused);
	if (v->status & VIRTIO_S_DRIVER_OK)
		depth_hit(driver_ok);
}

/* The virtio register that an access of (size) bytes at (off) writes first: only 32 bits do. */
static void virtio_out(unsigned which, uint64_t off, unsigned size, uint64_t val)
{
	bool whole = !(off & 3) && off < VIRTIO_MMIO_CONFIG && size >= 4 && size < 8;
	bool rings = whole && off == VIRTIO_MMIO_QUEUE_NOTIFY;
	struct vr_state before = vr_state(virtio(which));
	struct doorbell b = {0};

	R.touched |= 1u << (which ? ECHO : RNG);
	/* The model has no more entries: a larger queue is not rung. */
	if (rings && (uint32_t)val < nr_queues(which) &&
	    virtio(which)->q[(uint32_t)val].num > PROG_NUM_MAX)
		return;
	if (rings)
		doorbell_foretell(&b, &R.w, virtio(which), which, (uint32_t)val);
	if (whole)
		count_register_write(virtio(which), off, (uint32_t)val);
	else if (off < VIRTIO_MMIO_CONFIG)
		depth_hit(odd_register_access);
	bus_out(BUS_MMIO, (which ? MMIO_ECHO : MMIO_RNG) + off, size, val);
	vr_judge_write(&before, virtio(which), off, size, val);
	if (rings)
		doorbell_compare(&b, &R.w);
	if (whole)
		count_register_written(virtio(which), off, (uint32_t)val);
	check_virtio(which);
}

static void reg(unsigned which, enum virtio_mmio_reg r, uint32_t val)
{
	virtio_out(which, r, 4, val);
}

/* Echo's configuration: reading shows its bytes, zero behind them; writing all of them or none. */
static void judge_config(const uint8_t *before, uint64_t off, bool write, unsigned size,
			 uint64_t val)
{
	const uint8_t *now = container_of(virtio(1), struct echo, v)->config;
	uint64_t at = off - VIRTIO_MMIO_CONFIG;
	bool inside = at + size <= MMIO_ECHO_CONFIG;

	if (off < VIRTIO_MMIO_CONFIG || off + size > VIRTIO_MMIO_LEN || size & (size - 1) ||
	    off % size)
		return;
	for (unsigned i = 0; i < size; i++) {
		uint8_t want = at + i < MMIO_ECHO_CONFIG ? before[at + i] : 0;

		if (!write)
			FUZZ_ORACLE((uint8_t)(val >> 8 * i) == want, "config-read", "byte %u", i);
		else if (at + i < MMIO_ECHO_CONFIG)
			FUZZ_ORACLE(now[at + i] == (inside ? (uint8_t)(val >> 8 * i) : want),
				    "config-write", "byte %u", i);
	}
}

static void access_virtio(unsigned which, uint64_t off, bool write, unsigned size)
{
	uint8_t before[MMIO_ECHO_CONFIG];
	uint64_t val;

	memcpy(before, container_of(virtio(1), struct echo, v)->config, sizeof(before));
	if (write) {
		val = value(size) & size_mask(size);
		virtio_out(which, off, size, val);
		if (which)
			judge_config(before, off, true, size, val);
		return;
	}
	val = bus_in(BUS_MMIO, (which ? MMIO_ECHO : MMIO_RNG) + off, size);
	vr_judge_read(virtio(which), off, size, val);
	if (which)
		judge_config(before, off, false, size, val);
	R.touched |= 1u << (which ? ECHO : RNG);
	check_virtio(which);
}

static void access_config(uint8_t b, bool write, unsigned size)
{
	uint64_t off =
		b < 0x80 ? VIRTIO_MMIO_CONFIG - 8u + (b & 31u) : VIRTIO_MMIO_LEN - 8u + (b & 7u);

	if (off >= VIRTIO_MMIO_CONFIG && off < VIRTIO_MMIO_CONFIG + MMIO_ECHO_CONFIG &&
	    off + size > VIRTIO_MMIO_CONFIG + MMIO_ECHO_CONFIG)
		depth_hit(config_edge);
	access_virtio(1, off, write, size);
}

/* DS of the PC16550D: which bits a register of it can have. */
static void check_uart_read(uint64_t port, bool line, uint64_t val)
{
	switch (port - UART_BASE) {
	case 2:
		FUZZ_ORACLE(!(val & 0x30) && ((val & 1) == 0) == line, "uart-iir",
			    "IIR is %#llx with the line at %d", (unsigned long long)val, line);
		if ((val & 0x0f) == 0x0c)
			depth_hit(uart_timeout);
		break;
	case 5:
		FUZZ_ORACLE((val & 0x60) == 0x60 && !(val & 0x9c), "uart-lsr", "LSR is %#llx",
			    (unsigned long long)val);
		if (val & 2)
			depth_hit(uart_overrun);
		break;
	case 6:
		break;
	default:
		break;
	}
}

static void count_uart_write(uint64_t port, unsigned size, uint64_t written)
{
	if (size != 1)
		return;
	if (port == UART_BASE && M.serial.written > written)
		depth_hit(uart_out);
}

static void access_uart(uint8_t b, bool write, unsigned size)
{
	uint64_t port = UART_BASE - 2 + b % 12, before = M.serial.written, in = M.serial.in_pos;
	bool line = R.lines >> UART_LINE & 1;
	uint64_t val;

	R.touched |= 1u << UART;
	if (write) {
		val = value(size);
		bus_out(BUS_PIO, port, size, val);
		count_uart_write(port, size, before);
		/* DLAB, then a write of the latch; loopback is switched on. */
		if (size == 1 && port == UART_BASE + 3 && (val & 0x80))
			depth_hit(uart_divisor);
		if (size == 1 && port == UART_BASE + 4 && (val & 0x10))
			depth_hit(uart_loopback);
		return;
	}
	val = bus_in(BUS_PIO, port, size);
	if (size == 1)
		check_uart_read(port, line, val);
	if (M.serial.in_pos > in)
		depth_hit(uart_in);
}

/* Whose port of MMIO_PORTS it is. */
static unsigned port_owner(uint16_t port)
{
	if (port >= 0x600)
		return ACPI_PM;
	if (port >= 0x510)
		return FW_CFG;
	if (port >= 0xa0)
		return port == 0xe9 ? CONSOLE : port == 0xf4 ? EXIT : PIC;
	if (port == 0x70 || port == 0x71)
		return RTC;
	if (port < 0x40)
		return PIC;
	return port < 0x60 || port == 0x61 ? PIT : I8042;
}

static void access_ports(uint8_t b, bool write, unsigned size)
{
	static const uint16_t ports[] = {MMIO_PORTS};
	uint16_t port = ports[b % ARRAY_SIZE(ports)];
	uint64_t val;

	/* A wide access reaches into the next one's. */
	for (unsigned i = 0; i < size; i++)
		R.touched |= 1u << port_owner((uint16_t)(port + i));
	if (!write) {
		(void)bus_in(BUS_PIO, port, size);
		return;
	}
	val = value(size);
	bus_out(BUS_PIO, port, size, val);
	if (port == 0xe9)
		depth_hit(console_out);
	if (port == 0x4d0 && (val & 0xd8))
		depth_hit(elcr_set);
	if ((port == 0x20 || port == 0xa0) && (val & 0x1c) == 0x0c)
		depth_hit(pic_poll);
}

static void access_test(enum bus_space space, uint64_t addr, bool write, unsigned size)
{
	R.touched |= 1u << TEST;
	if (space == BUS_PIO && addr == TEST_PIO + TESTDEV_PIO_DATA && size == 4)
		depth_hit(test_window);
	else if (space == BUS_MMIO && addr < TEST_MMIO + TESTDEV_SCRATCH_LEN)
		depth_hit(test_scratch);
	if (write)
		bus_out(space, addr, size, value(size));
	else
		(void)bus_in(space, addr, size);
}

static uint64_t test_address(uint8_t b)
{
	if (b < 0x80)
		return TEST_MMIO + 4ull * b;
	return TEST_MMIO + (b < 0xc0 ? b - 0x80u : 0xf3cu + b);
}

static void access_msr(uint32_t msr, bool write)
{
	uint64_t val;
	int rc;

	R.touched |= 1u << TEST;
	if (write) {
		bus_out(BUS_MSR, msr, 8, value(8));
		return;
	}
	touch(BUS_MSR, msr, false, 8, 0);
	rc = bus_read(M.bus, BUS_MSR, msr, 8, &val);
	touched(BUS_MSR, msr, false, rc, val);
	if (rc)
		depth_hit(msr_fault);
	else
		depth_hit(msr_read);
}

static void access_edges(uint8_t b, bool write, unsigned size)
{
	enum bus_space space = b >= 0x80 && b < 0xc0 ? BUS_PIO : BUS_MMIO;
	uint64_t addr, val;

	if (b < 0x40) {
		access_msr(TESTDEV_MSR - 2 + b % 20, write);
		return;
	}
	if (b < 0x80)
		addr = UINT64_MAX - 39 + b % 40;
	else if (b < 0xc0)
		addr = 0xfff0u + (b & 31);
	else
		addr = 1ull << (b & 63);
	R.touched |= 1u << EDGES;
	val = write ? value(size) & size_mask(size) : 0;
	if (size & (size - 1))
		depth_hit(access_cut);
	if (write)
		bus_out(space, addr, size, val);
	else
		val = bus_in(space, addr, size);
	if (b < 0xc0) /* elsewhere there may be others */
		edge_model(space, write, addr, size, val);
}

static void op_access(uint8_t o)
{
	unsigned size = 1 + (o >> 4 & 7);
	bool write = o & MMIO_WRITE;
	uint8_t b = u8();

	switch ((enum mmio_area)(o & 7)) {
	case MMIO_A_RNG:
		access_virtio(0, b, write, size);
		break;
	case MMIO_A_ECHO:
		access_virtio(1, b, write, size);
		break;
	case MMIO_A_CONFIG:
		access_config(b, write, size);
		break;
	case MMIO_A_UART:
		access_uart(b, write, size);
		break;
	case MMIO_A_PORTS:
		access_ports(b, write, size);
		break;
	case MMIO_A_TEST:
		access_test(BUS_MMIO, test_address(b), write, size);
		break;
	case MMIO_A_PIO:
		access_test(BUS_PIO, TEST_PIO - 2 + b % 0x26, write, size);
		break;
	case MMIO_A_EDGES:
		access_edges(b, write, size);
		break;
	}
}

#endif
