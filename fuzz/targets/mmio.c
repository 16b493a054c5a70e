/* SPDX-License-Identifier: MIT */
/*
 * mmio: accesses of any size to any address through the bus into virtio-mmio, the UART, the PIC and
 * the test device, with a driver's memory, virtual time and resets between them. The input's form is
 * in fuzz/engine/mmio_prog.h.
 * @modules dev
 *
 * Oracles: what a doorbell does is foretold by an independent model (fuzz/engine/virtq_model.h):
 * used elements, lengths, the bytes that change, the interrupt. Queues keep what the transport may
 * not let go: sizes in range, nothing changes while ready. A value read fits its size. Ranges at the
 * end of each space hold what a byte at a time would. On inputs for dear checks: reset gives the
 * fresh state, save and load change nothing, the same input twice ends in the same state.
 */
#include <depth.h>
#include <oracle.h>
#include <stats.h>

/* The driver, the model and the devices that live here are no subjects. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif
#include <vmm/virtio.h>

DEPTH_COUNTERS(driver_ok, features_refused, queue_enabled, queue_refused, queue_stopped,
	       frozen_write, size_refused, notified, notify_gated, chain_completed, chain_malformed,
	       chain_indirect, chain_of_several, bytes_stored, queue_broken, status_reset,
	       virtio_interrupt, interrupt_suppressed, interrupt_acked, config_read, config_written,
	       config_edge, odd_register_access, uart_out, uart_in, uart_loopback, uart_overrun,
	       uart_timeout, uart_divisor, uart_line, pic_ack_master, pic_ack_slave, pic_spurious,
	       pic_none, pic_poll, elcr_set, test_scratch, test_window, test_timer, test_hostop,
	       test_assert, test_nmi, msr_read, msr_fault, console_out, exit_written, unmapped,
	       access_cut, pc_line, power_asked, top_of_mmio, top_of_pio, clock_stepped,
	       device_reset, saved_and_loaded, reset_compared, run_twice);

#include <mmio_machine.h>
#include <mmio_prog.h>
#include <virtio_regs.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_OPS	    64u
#define STEP_PARTS  4u
#define STEP_TIMERS 16u

/* ---- accesses --------------------------------------------------------------------------------- */

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
	int rc = bus_read(M.bus, space, addr, size, &val);

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
	int rc = bus_write(M.bus, space, addr, size, val);

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

static void access_virtio(unsigned which, uint64_t off, bool write, unsigned size)
{
	if (write) {
		virtio_out(which, off, size, value(size) & size_mask(size));
		return;
	}
	vr_judge_read(virtio(which), off, size,
		      bus_in(BUS_MMIO, (which ? MMIO_ECHO : MMIO_RNG) + off, size));
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

	R.touched |= 1u << TEST;
	if (write) {
		bus_out(BUS_MSR, msr, 8, value(8));
		return;
	}
	if (bus_read(M.bus, BUS_MSR, msr, 8, &val))
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

/* ---- the driver ------------------------------------------------------------------------------- */

static struct ring *ring_of(uint8_t sel, unsigned *which, unsigned *queue)
{
	*which = sel & MMIO_S_ECHO;
	*queue = (sel >> 1 & 3) % nr_queues(*which);
	return &R.ring[*which][*queue];
}

static void lay_out(struct ring *r, unsigned which, unsigned queue, uint8_t layout)
{
	/* Of what a queue's size can be, so that a device that looks at no more takes it. */
	uint64_t num = r->num & 0xffff ? r->num & 0xffff : r->num;

	r->desc = MMIO_RINGS(which, queue);
	r->avail = r->desc + 16 * num;
	r->used = align_up(r->avail + 6 + 2 * num, 4);
	switch ((enum mmio_layout)(layout & 7)) {
	case MMIO_L_NORMAL:
	case MMIO_L_NORMAL2:
		break;
	case MMIO_L_USED_END:
		r->used = align_down(MMIO_RAM - 6 - 8ull * r->num, 4);
		break;
	case MMIO_L_OVERLAP:
		r->used = r->desc;
		break;
	case MMIO_L_ALIGN:
		r->desc += 8;
		break;
	case MMIO_L_OUTSIDE:
		r->avail = MMIO_RAM - 4;
		break;
	case MMIO_L_TOP:
		r->desc = UINT64_MAX - 15;
		break;
	case MMIO_L_DATA:
		r->desc = MMIO_DATA;
		break;
	}
}

/* An address in two registers; the high one is 0 after a reset. */
static void reg64(unsigned which, enum virtio_mmio_reg low, uint64_t val)
{
	reg(which, low, (uint32_t)val);
	if (val >> 32)
		reg(which, low + 4, (uint32_t)(val >> 32));
}

static void tell_queue(const struct ring *r, unsigned which, unsigned queue)
{
	reg(which, VIRTIO_MMIO_QUEUE_SEL, queue);
	reg(which, VIRTIO_MMIO_QUEUE_NUM, r->num);
	reg64(which, VIRTIO_MMIO_QUEUE_DESC_LOW, r->desc);
	reg64(which, VIRTIO_MMIO_QUEUE_DRIVER_LOW, r->avail);
	reg64(which, VIRTIO_MMIO_QUEUE_DEVICE_LOW, r->used);
	reg(which, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void op_bring_up(void)
{
	uint8_t sel = u8(), how = u8();
	uint32_t features = 0, status = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER;
	unsigned which, queue, log2 = sel >> 3;
	struct ring *r = ring_of(sel, &which, &queue);

	/* A size too large for the model is no use: 64 at most, or far too large. */
	r->num = log2 < 7    ? 1u << log2
		 : log2 < 24 ? 1u << (log2 + 7)
			     : 0x10000u | 1u << (log2 - 24);
	if (r->num > PROG_NUM_MAX && r->num <= virtio(which)->q[queue].num_max)
		r->num = PROG_NUM_MAX;
	r->offer_idx = r->cursor = r->last_head = 0;
	lay_out(r, which, queue, how >> 5);
	if (!(how & MMIO_B_NO_RESET))
		reg(which, VIRTIO_MMIO_STATUS, 0);
	reg(which, VIRTIO_MMIO_STATUS, status);
	if (how & MMIO_B_EVENT_IDX)
		features |= 1u << VIRTIO_F_EVENT_IDX;
	if (!(how & MMIO_B_NO_INDIRECT))
		features |= 1u << VIRTIO_F_INDIRECT_DESC;
	if (how & MMIO_B_BAD_FEATURE)
		features |= 1u;
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES, features);
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	reg(which, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	status |= VIRTIO_S_FEATURES_OK;
	reg(which, VIRTIO_MMIO_STATUS, status);
	poke(r->avail, (uint8_t[4]){0}, 4);
	tell_queue(r, which, queue);
	if (!(how & MMIO_B_NO_DRIVER_OK))
		reg(which, VIRTIO_MMIO_STATUS, status | VIRTIO_S_DRIVER_OK);
}

static uint32_t ring_num(const struct ring *r)
{
	return r->num && r->num <= PROG_NUM_MAX ? r->num : 8;
}

static void publish(struct ring *r, uint16_t idx)
{
	poke16(r->avail + 2, idx);
}

static void offer_as(struct ring *r, uint8_t sel, unsigned which, unsigned queue)
{
	if (sel & MMIO_S_OFFER) {
		poke16(r->avail + 4 + 2ull * (r->offer_idx % ring_num(r)), r->last_head);
		r->offer_idx++;
	}
	if (sel & MMIO_S_PUBLISH)
		publish(r, r->offer_idx);
	if (sel & MMIO_S_NOTIFY)
		reg(which, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

static void op_chain(void)
{
	uint8_t sel = u8(), shape = u8();
	unsigned which, queue, n = (shape & 7) + 1u, writable = shape >> 4 & 15;
	struct ring *r = ring_of(sel, &which, &queue);
	uint32_t num = ring_num(r), entries = sel & MMIO_S_INDIRECT ? 8 : num;
	uint64_t table = sel & MMIO_S_INDIRECT ? MMIO_TABLES + 128ull * (r->cursor & 15) : r->desc;
	unsigned first = sel & MMIO_S_INDIRECT ? 0 : r->cursor;

	if (n > entries)
		n = entries;
	r->last_head = r->cursor;
	for (unsigned i = 0; i < n; i++) {
		uint64_t addr = address();
		uint32_t len = length();
		bool last = i + 1 == n;

		poke_desc(table + 16ull * ((first + i) % entries), addr, len,
			  (uint16_t)((last ? 0 : VIRTQ_DESC_F_NEXT) |
				     (i + writable >= n ? VIRTQ_DESC_F_WRITE : 0)),
			  last ? 0 : (uint16_t)((first + i + 1) % entries));
	}
	if (sel & MMIO_S_INDIRECT)
		poke_desc(r->desc + 16ull * r->cursor, table, 16 * n, VIRTQ_DESC_F_INDIRECT, 0);
	r->cursor = (uint16_t)((r->cursor + (sel & MMIO_S_INDIRECT ? 1 : n)) % num);
	offer_as(r, sel, which, queue);
}

static void op_desc(void)
{
	uint8_t sel = u8(), i = u8();
	unsigned which, queue;
	struct ring *r = ring_of(sel, &which, &queue);
	uint64_t addr = address();
	uint32_t len = length();
	uint8_t flags = u8(), next = u8();

	r->last_head = (uint16_t)(i % ring_num(r));
	poke_desc(r->desc + 16ull * r->last_head, addr, len, flags, next);
	offer_as(r, sel, which, queue);
}

static void op_avail(void)
{
	unsigned which, queue;
	struct ring *r = ring_of(u8(), &which, &queue);

	publish(r, (uint16_t)(r->offer_idx + (int8_t)u8()));
}

static void op_suppress(void)
{
	unsigned which, queue;
	struct ring *r = ring_of(u8(), &which, &queue);

	poke16(r->avail, u8());
	poke16(r->avail + 4 + 2ull * ring_num(r), u8());
}

static void op_poke(void)
{
	uint64_t gpa = u16() % MMIO_RAM;

	poke16(gpa, u16());
}

/* ---- the rest of the machine ------------------------------------------------------------------ */

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
	R.touched |= 1u << TEST;
	testdev_set_result(M.d[TEST], (int8_t)u8());
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

/* All devices through their saved form: nothing may change, and it must come out the same. */
static void save_and_load(unsigned i)
{
	struct buf a = {0}, b = {0};
	uint64_t hash = dev_hash(M.d[i], 0);
	struct err err = {0};
	size_t used = 0;

	FUZZ_ORACLE(!dev_save(M.d[i], &a), "save", "device %u", i);
	dev_reset(M.d[i]);
	FUZZ_ORACLE(!dev_load(M.d[i], a.p, a.len, &used, &err) && used == a.len, "load", "%s",
		    err.msg);
	FUZZ_ORACLE(!dev_save(M.d[i], &b) && a.len == b.len && memcmp(a.p, b.p, a.len) == 0,
		    "save-load-save", "device %s", M.d[i]->cls->name);
	FUZZ_ORACLE(dev_hash(M.d[i], 0) == hash, "load-hash", "device %s", M.d[i]->cls->name);
	buf_free(&a);
	buf_free(&b);
}

static void op_save(void)
{
	uint32_t lines = R.lines;
	struct buf pic = {0};
	size_t used;

	if (!R.dear || R.saved) /* once an input: it is dear indeed */
		return;
	R.saved = true;
	depth_hit(saved_and_loaded);
	/*
	 * The resets in between lower lines at the PIC, which the loads do not raise again: its own
	 * state is put back at the end.
	 */
	FUZZ_ORACLE(!dev_save(M.d[PIC], &pic), "save", "the PIC");
	for (unsigned i = 0; i < DEVICES; i++)
		save_and_load(i);
	FUZZ_ORACLE(!dev_load(M.d[PIC], pic.p, pic.len, &used, NULL), "load", "the PIC");
	buf_free(&pic);
	R.lines = lines;
}

/* ---- one input -------------------------------------------------------------------------------- */

/* A page that was written: as the picture has it? Then make the picture's zero again. */
static void check_page(void *ctx, uint64_t gpa)
{
	const uint8_t *now = gmem_ro(M.g, gpa, GMEM_PAGE);

	(void)ctx;
	if (fuzz_page_take(now, picture + gpa))
		return;
	for (unsigned i = 0; i < GMEM_PAGE; i++)
		FUZZ_ORACLE(now[i] == picture[gpa + i], "write-set",
			    "byte %#llx is %#x, model: %#x", (unsigned long long)gpa + i, now[i],
			    picture[gpa + i]);
}

/* Name what differs: the JSON from a little before the place on. */
static void check_fresh(unsigned i)
{
	struct buf now = {0};
	const char *a = buf_str(&M.fresh[i]), *b;
	size_t at = 0, from;

	if (dev_hash(M.d[i], 0) == M.fresh_hash[i])
		return;
	dev_json(M.d[i], &now);
	b = buf_str(&now);
	while (a[at] && a[at] == b[at])
		at++;
	for (from = at; from && a[from] != ','; from--)
		;
	fuzz_oracle_fail("reset", "device %s: fresh %.60s, reset %.60s", M.d[i]->cls->name,
			 a + from, b + from);
}

static void begin(const uint8_t *data, size_t size)
{
	memset(R.ring, 0, sizeof(R.ring));
	memset(R.frozen, 0, sizeof(R.frozen));
	memset(R.sized, 0, sizeof(R.sized));
	memset(R.top, 0, sizeof(R.top));
	memset(R.low, 0, sizeof(R.low));
	R.p = data;
	R.end = data + size;
	R.lines = 0;
	R.intr = false;
	R.saved = false;
	R.touched = R.accesses = R.mapped = 0;
	for (unsigned which = 0; which < 2; which++)
		for (unsigned q = 0; q < MMIO_ECHO_QUEUES; q++)
			R.ring[which][q] = (struct ring){.desc = MMIO_RINGS(which, q),
							 .avail = MMIO_RINGS(which, q) + 0x80,
							 .used = MMIO_RINGS(which, q) + 0xc0,
							 .num = 8};
	R.w.ram = picture;
	rng_restart();
}

/* By the devices' own resets, which must give the fresh state. */
static void reset_all(void)
{
	/* The PIC last: the others lower their lines. */
	for (unsigned i = 0; i < DEVICES; i++) {
		if (i != PIC)
			dev_reset(M.d[i]);
	}
	dev_reset(M.d[PIC]);
	FUZZ_ORACLE(clock_next(&M.clock) == CLOCK_NEVER, "reset-timer", "a timer is still armed");
	for (unsigned i = 0; i < DEVICES; i++)
		check_fresh(i);
}

/*
 * A virtio device as it was made. Its queues' maps of heads in flight are by far the most of it and
 * hold no bit beyond the queue's size, unless a check that is dear says otherwise.
 */
static void remake_virtio(unsigned i)
{
	struct virtio *v = container_of(M.d[i], struct virtio, dev);
	const struct virtio *was = M.image[i];
	const size_t map = offsetof(struct virtq, in_flight_map),
		     behind = offsetof(struct virtq, mem),
		     end = offsetof(struct virtio, q) + sizeof(v->q);

	memcpy(v, was, offsetof(struct virtio, q));
	for (unsigned k = 0; k < v->vc->nr_queues; k++) {
		memcpy(&v->q[k], &was->q[k], map);
		memset(v->q[k].in_flight_map, 0, (v->q[k].num_max + 63) / 64 * 8);
		memcpy((char *)&v->q[k] + behind, (const char *)&was->q[k] + behind,
		       sizeof(v->q[k]) - behind);
	}
	memcpy((char *)v + end, (const char *)was + end, M.d[i]->cls->size - end);
}

static void finish(void)
{
	gmem_dirty_each(M.g, check_page, NULL);
	FUZZ_ORACLE(!gmem_restore(M.g, M.snap), "gmem", "memory can't be put back");
	if (R.dear)
		reset_all();
	/* The quick way: instances as they were made. What they point to does not change. */
	for (unsigned i = 0; i < DEVICES; i++) {
		if (!(R.touched >> i & 1))
			continue;
		if (!R.dear && (i == RNG || i == ECHO))
			remake_virtio(i);
		else
			memcpy(M.d[i], M.image[i], M.d[i]->cls->size);
	}
	clock_init(&M.clock);
	M.serial.in_pos = 0;
	M.serial.written = M.console.written = 0;
	M.serial.out.len = M.console.out.len = 0;
}

/* (again): the same input once more; what is dear and was checked is not. */
static uint64_t run(const uint8_t *data, size_t size, bool again)
{
	static void (*const ops[])(void) = {
		op_bring_up, op_chain, op_desc, op_avail, op_suppress, op_poke, op_clock,
		op_ack,	     op_reset, op_save, op_line,  op_uart,     op_pic,	op_result,
	};

	_Static_assert(ARRAY_SIZE(ops) == MMIO_OPS_END - MMIO_OP_BRING_UP, "one an operation");
	uint64_t hash = 0;
	unsigned n;

	begin(data, size);
	R.saved = again;
	for (n = 0; n < MAX_OPS && R.p < R.end; n++) {
		uint8_t o = u8();

		if (o < MMIO_OP_BRING_UP)
			op_access(o);
		else
			ops[(o - MMIO_OP_BRING_UP) % ARRAY_SIZE(ops)]();
	}
	for (unsigned i = 0; i < DEVICES && R.dear; i++)
		hash = dev_hash(M.d[i], hash);
	if (R.dear)
		hash = gmem_hash(M.g, hash);
	/* Deep is what came to a register, of which a driver's set-up alone is a dozen. */
	if (!again)
		fuzz_case(n + R.accesses, R.mapped);
	finish();
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t hash;

	if (!M.g)
		machine_make();
	R.dear = fuzz_dear(data, size);
	hash = run(data, size, false);
	if (!R.dear)
		return 0;
	depth_hit(reset_compared);
	FUZZ_ORACLE(run(data, size, true) == hash, "run-twice",
		    "the same input ends in another state");
	depth_hit(run_twice);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
