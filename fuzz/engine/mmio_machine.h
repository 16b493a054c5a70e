/* SPDX-License-Identifier: MIT */
/*
 * mmio_machine: the machine of fuzz/targets/mmio.c, made once; what one input has (R); how its bytes
 * and the driver's memory are reached; what must hold after every access. Included once, behind the
 * target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_MACHINE_H
#define FUZZ_ENGINE_MMIO_MACHINE_H

#include "mmio_devices.h"
#include "mmio_doorbell.h"
#include "say.h"

#define SEED	  42u
#define UART_BASE 0x3f8u
#define UART_LINE 4u
#define TEST_LINE 10u
#define TEST_MMIO 0xfeb00000ull
#define TEST_PIO  0x700u
#define RNG_LINE  5u
#define PIT_LINE  0u
#define KBD_LINE  1u
#define RTC_LINE  8u
#define SCI_LINE  9u

enum {
	UART,
	PIC,
	TEST,
	CONSOLE,
	EXIT,
	RNG,
	ECHO,
	EDGES,
	PIT,
	RTC,
	I8042,
	ACPI_PM,
	FW_CFG,
	DEVICES
};

/* What the driver knows of a queue. */
struct ring {
	uint64_t desc, avail, used;
	uint32_t num;
	uint16_t offer_idx, cursor, last_head;
};

/* What a queue was like when it became ready. */
struct frozen {
	bool ready;
	uint32_t num;
	uint64_t desc, avail, used;
};

static struct machine {
	struct gmem *g;
	struct gmem_snap *snap;
	struct clock clock;
	struct chr serial, console;
	struct bus *bus;
	struct dev *d[DEVICES];
	void *image[DEVICES];	   /* the instances as made, pointers and all */
	struct buf fresh[DEVICES]; /* their JSON as made */
	uint64_t fresh_hash[DEVICES];
} M;

static uint8_t picture[MMIO_RAM]; /* what guest memory must contain */

static struct run {
	const uint8_t *p, *end;
	uint32_t lines; /* of the devices, one bit each */
	bool intr, dear, again, saved;
	struct ring ring[2][MMIO_ECHO_QUEUES];
	struct frozen frozen[2][MMIO_ECHO_QUEUES];
	struct doorbell_world w;
	uint8_t top[2][MMIO_TOP_LEN]; /* what the ranges at the ends must contain */
	uint8_t low[MMIO_PIO_TOP_LEN];
	unsigned touched; /* devices, one bit each */
	unsigned accesses, mapped;
	uint32_t sized[2][MMIO_ECHO_QUEUES]; /* QueueNum as written last; 0: not since a reset */
} R;

/* ---- input ------------------------------------------------------------------------------------ */

static uint8_t u8(void)
{
	return R.p < R.end ? *R.p++ : 0;
}

static uint16_t u16(void)
{
	uint8_t lo = u8();

	return (uint16_t)(lo | u8() << 8);
}

static uint64_t value(unsigned size)
{
	static const uint64_t values[] = {MMIO_V_VALUES};
	uint8_t b = u8();
	uint64_t v = 0;

	if (b < 0xe0)
		return b;
	if (b < MMIO_V_TABLE)
		return 1ull << 2 * (b & 15);
	if (b < MMIO_V_RAW)
		return values[b - MMIO_V_TABLE];
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)u8() << 8 * i;
	return v;
}

static uint64_t address(void)
{
	static const uint64_t bad[] = {MMIO_RNG,   MMIO_ECHO + 0x50, UINT64_MAX,
				       MMIO_RAM,   MMIO_RAM + 4096,  1ull << 63,
				       1ull << 32, UINT64_MAX - 63};
	uint8_t b = u8();

	if (b < MMIO_P_END)
		return 64ull * b;
	if (b < MMIO_P_BAD)
		return MMIO_RAM - 8ull * (b & 7);
	return bad[b & 7];
}

static uint32_t length(void)
{
	static const uint32_t huge[] = {MMIO_N_HUGES};
	uint8_t b = u8();

	if (b < 0xc0)
		return b;
	return b < MMIO_N_HUGE ? 64u * (b & 63) : huge[b & 7];
}

/* ---- memory, as the driver writes it ---------------------------------------------------------- */

static void poke(uint64_t gpa, const void *buf, uint64_t len)
{
	if (!range_within(gpa, len, 0, MMIO_RAM))
		return;
	FUZZ_ORACLE(!gmem_write(M.g, gpa, buf, len), "gmem", "RAM at %#llx refuses a store",
		    (unsigned long long)gpa);
	memcpy(picture + gpa, buf, len);
	if (!R.again)
		FUZZ_SAY_MEM(gpa, buf, len);
}

static void poke16(uint64_t gpa, uint16_t v)
{
	uint8_t b[2];

	st_le16(b, v);
	poke(gpa, b, 2);
}

static void poke_desc(uint64_t gpa, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	uint8_t b[16];

	st_le64(b, addr);
	st_le32(b + 8, len);
	st_le16(b + 12, flags);
	st_le16(b + 14, next);
	poke(gpa, b, sizeof(b));
}

/* ---- the machine around them ------------------------------------------------------------------ */

static void on_line(void *ctx, unsigned line, int level)
{
	(void)ctx;
	if (level && line == UART_LINE)
		depth_hit(uart_line);
	if (level && (line == RNG_LINE || line == ECHO_LINE))
		depth_hit(virtio_interrupt);
	if (level && (line == PIT_LINE || line == RTC_LINE || line == KBD_LINE || line == SCI_LINE))
		depth_hit(pc_line);
	R.lines = level ? R.lines | 1u << line : R.lines & ~(1u << line);
	R.touched |= 1u << PIC;
	pic_set(M.d[PIC], line, level);
}

static void on_exit_code(void *ctx, uint8_t code)
{
	(void)ctx;
	(void)code;
	depth_hit(exit_written);
}

static void on_assert(void *ctx, uint32_t line, uint64_t got, uint64_t want)
{
	(void)ctx;
	(void)line;
	(void)got;
	(void)want;
	depth_hit(test_assert);
}

static void on_hostop(void *ctx, uint32_t op, const uint64_t arg[4])
{
	(void)ctx;
	(void)op;
	(void)arg;
	depth_hit(test_hostop);
}

static void on_intr(void *ctx, int level)
{
	(void)ctx;
	R.intr = level;
}

static void on_nmi(void *ctx)
{
	(void)ctx;
	depth_hit(test_nmi);
}

static void on_power(void *ctx, enum dev_power what)
{
	(void)ctx;
	(void)what;
	depth_hit(power_asked);
}

static struct virtio *virtio(unsigned which)
{
	return container_of(M.d[which ? ECHO : RNG], struct virtio, dev);
}

static unsigned nr_queues(unsigned which)
{
	return which ? MMIO_ECHO_QUEUES : 1;
}

/* The rng device's seed is the machine's, mixed once; its option is 0. */
static void rng_restart(void)
{
	R.w.rng.s = SEED;
	R.w.rng.s = rng_next(&R.w.rng);
}

extern const struct dev_class dev_class_uart, dev_class_pic, dev_class_testdev, dev_class_debugcon,
	dev_class_debug_exit, dev_class_virtio_rng, dev_class_pit, dev_class_rtc, dev_class_i8042,
	dev_class_acpi_pm, dev_class_fw_cfg;

static void machine_make(void)
{
	static const uint8_t input[] = "a line of input for the serial port\n";
	/* By their classes, not by name: else all models are linked. */
	static const struct dev_class *const classes[DEVICES] = {
		[UART] = &dev_class_uart,	[PIC] = &dev_class_pic,
		[TEST] = &dev_class_testdev,	[CONSOLE] = &dev_class_debugcon,
		[EXIT] = &dev_class_debug_exit, [RNG] = &dev_class_virtio_rng,
		[ECHO] = &echo_class,		[EDGES] = &edges_class,
		[PIT] = &dev_class_pit,		[RTC] = &dev_class_rtc,
		[I8042] = &dev_class_i8042,	[ACPI_PM] = &dev_class_acpi_pm,
		[FW_CFG] = &dev_class_fw_cfg,
	};
	struct dev_env env = {
		.clock = &M.clock,
		.serial = &M.serial,
		.console = &M.console,
		.irq = {on_line, NULL, 0},
		.host = {.guest_exit = on_exit_code,
			 .guest_assert = on_assert,
			 .hostop = on_hostop,
			 .intr = on_intr,
			 .nmi = on_nmi,
			 .power = on_power},
		.seed = SEED,
	};
	struct err err = {0};
	int bad = gmem_new(&M.g, &err);

	bad = bad || gmem_add(M.g, 0, MMIO_RAM, GMEM_RAM, &err) || gmem_snap(M.g, &M.snap, &err);
	env.mem = M.g;
	clock_init(&M.clock);
	chr_init(&M.serial, input, sizeof(input) - 1);
	chr_init(&M.console, NULL, 0);
	M.bus = bus_new(NULL);
	for (unsigned i = 0; i < DEVICES && !bad && M.bus; i++) {
		bad = dev_new_class(&M.d[i], classes[i], NULL, &env, &err);
		bad = bad || dev_attach(M.d[i], M.bus, &err);
		if (bad)
			break;
		dev_json(M.d[i], &M.fresh[i]);
		M.fresh_hash[i] = dev_hash(M.d[i], 0);
	}
	bad = bad || fw_cfg_add(M.d[FW_CFG], 0x15, input, sizeof(input)) ||
	      fw_cfg_add_file(M.d[FW_CFG], "opt/file", input, 5);
	/* Not before all are wired: attaching writes to them. */
	for (unsigned i = 0; i < DEVICES && !bad && M.bus; i++) {
		M.image[i] = malloc(M.d[i]->cls->size);
		bad = !M.image[i];
		if (!bad)
			memcpy(M.image[i], M.d[i], M.d[i]->cls->size);
	}
	FUZZ_ORACLE(!bad && M.bus, "set-up", "%s", err.msg);
}

/* ---- what must hold after every access -------------------------------------------------------- */

static void check_queue(struct virtio *v, struct virtq *q, struct frozen *f, const uint32_t *sized)
{
	if (!q->ready) {
		if (f->ready)
			depth_hit(queue_stopped);
		f->ready = false;
		return;
	}
	FUZZ_ORACLE(q->num && !(q->num & (q->num - 1)) && q->num <= q->num_max, "queue-size",
		    "size %u of at most %u", q->num, q->num_max);
	FUZZ_ORACLE(v->status & VIRTIO_S_FEATURES_OK, "ready-early", "ready at status %#x",
		    v->status);
	if (f->ready) {
		FUZZ_ORACLE(q->num == f->num && q->desc == f->desc && q->avail == f->avail &&
				    q->used == f->used,
			    "frozen", "size %u or addresses changed while ready", q->num);
		return;
	}
	/* 4.2.2: all 32 bits of it count. */
	FUZZ_ORACLE(!*sized || q->num == *sized, "queue-num", "size %u, QueueNum was %#x", q->num,
		    *sized);
	depth_hit(queue_enabled);
	*f = (struct frozen){true, q->num, q->desc, q->avail, q->used};
}

static void check_virtio(unsigned which)
{
	struct virtio *v = virtio(which);
	uint64_t offered = v->vc->features | 1ull << VIRTIO_F_VERSION_1 |
			   1ull << VIRTIO_F_INDIRECT_DESC | 1ull << VIRTIO_F_EVENT_IDX |
			   1ull << VIRTIO_F_RING_RESET;
	unsigned line = which ? ECHO_LINE : RNG_LINE;

	if (v->status & VIRTIO_S_FEATURES_OK)
		FUZZ_ORACLE(!(v->driver_features & ~offered) && virtio_has(v, VIRTIO_F_VERSION_1),
			    "features", "agreed on %#llx", (unsigned long long)v->driver_features);
	if (v->status & VIRTIO_S_DRIVER_OK)
		FUZZ_ORACLE(v->status & VIRTIO_S_FEATURES_OK, "status", "status %#x", v->status);
	FUZZ_ORACLE((R.lines >> line & 1) == (v->interrupt_status != 0), "virtio-line",
		    "line %u is %u at interrupt status %#x", line, R.lines >> line & 1,
		    v->interrupt_status);
	for (unsigned i = 0; i < nr_queues(which); i++)
		check_queue(v, &v->q[i], &R.frozen[which][i], &R.sized[which][i]);
	if (!which && !v->status)
		rng_restart();
}

#endif
