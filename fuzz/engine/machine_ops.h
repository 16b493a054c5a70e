/* SPDX-License-Identifier: MIT */
/*
 * machine_ops: the operations of the machine targets: accesses, a virtio driver for every device that is
 * one, and what else happens in a machine. Part of machine.h.
 */
#ifndef FUZZ_ENGINE_MACHINE_OPS_H
#define FUZZ_ENGINE_MACHINE_OPS_H

#include "machine_make.h"

/* ---- accesses ------------------------------------------------------------------------------------ */

/* The (b)-th register of that range, where the class has a table. */
static const struct dev_reg *mc_reg(const struct mc_dev *m, unsigned range, uint8_t b)
{
	const struct dev_reg *r = m->d->cls->regs;

	for (unsigned i = 0; i < m->nr_regs; i++) {
		const struct dev_reg *at = &r[(b + i) % m->nr_regs];

		if (at->range == range)
			return at;
	}
	return NULL;
}

/* Who else has a byte of [addr, addr + size); port numbers wrap. An MSR is one address. */
static void mc_touch_neighbours(enum bus_space space, uint64_t addr, unsigned size)
{
	for (unsigned i = 0; i < M.n; i++) {
		const struct dev *d = M.dev[i].d;

		for (unsigned r = 0; r < d->nr_ranges; r++) {
			uint64_t base = d->range[r].base, len = d->cls->ranges[r].len;

			if (d->cls->ranges[r].space != space)
				continue;
			if (range_overlaps(base, len, addr, size) ||
			    (space == BUS_PIO && range_overlaps(base + 0x10000, len, addr, size)))
				M.dev[i].touched = true;
		}
	}
}

static void mc_op_access(bool write)
{
	struct mc_dev *m = &M.dev[mc_u8() % M.n];
	uint8_t how = mc_u8(), b = mc_u8();
	unsigned size = 1 + (how & 7), range;
	enum mc_from from = (enum mc_from)(how >> 3 & 3);
	const struct dev_reg *reg = NULL;
	uint64_t off = b, len, val;

	if (!m->d->nr_ranges) { /* it is reached by other ways */
		if (M.spec->other)
			M.spec->other(b);
		return;
	}
	range = (how >> 5) % m->d->nr_ranges;
	len = m->d->cls->ranges[range].len;
	if (from == MC_F_REG)
		reg = mc_reg(m, range, b);
	if (reg) {
		off = reg->off;
		size = size == 1 && reg->width && reg->width <= 8 ? reg->width : size;
		MC_COVER((unsigned)(m - M.dev), range, (unsigned)(reg - m->d->cls->regs), size,
			 write);
	} else if (from == MC_F_WORD) {
		off = (b | (uint64_t)mc_u8() << 8) % len;
		MC_COVER((unsigned)(m - M.dev), range, (unsigned)off, size, write);
	} else if (from == MC_F_END) {
		off = len - 8 + (b & 15);
		MC_COVER((unsigned)(m - M.dev), range, 64 + (b & 15), size, write);
	} else {
		off %= len;
		MC_COVER((unsigned)(m - M.dev), range, (unsigned)off, size, write);
	}
	if (off + size > len || off >= len) {
		depth_hit(range_crossed);
		mc_touch_neighbours(m->d->cls->ranges[range].space, m->d->range[range].base + off,
				    size);
	}
	val = write ? mc_value(size) : 0;
	(void)mc_access(m, m->d->cls->ranges[range].space, m->d->range[range].base + off, size,
			write, val);
}

/* ---- a driver of virtio devices -------------------------------------------------------------------- */

static struct mc_dev *mc_virtio(void)
{
	uint8_t b = mc_u8();

	return M.nv ? M.vdev[b % M.nv] : NULL;
}

#define MC_BIT(n) (1ull << (n))
/* 6: bits 24 to 41 are the ring's and the transport's. */
#define MC_RING_BITS (MC_BIT(42) - MC_BIT(24))

static uint64_t mc_accepted(const struct virtio *v, uint8_t how)
{
	uint64_t offered = virtio_offered(v), take = offered & ~MC_RING_BITS;

	if (how & MC_D_FEW)
		take &= 0x5555555555555555ull;
	take |= MC_BIT(VIRTIO_F_VERSION_1);
	if (how & MC_D_EVENT_IDX)
		take |= MC_BIT(VIRTIO_F_EVENT_IDX);
	if (!(how & MC_D_NO_INDIRECT))
		take |= MC_BIT(VIRTIO_F_INDIRECT_DESC);
	take &= offered;
	if (how & MC_D_BAD_FEATURE)
		take |= ~offered & -~offered;
	return take;
}

/* Devices share slots; not those of one whose rings are judged by what is in them. */
static unsigned mc_slot(unsigned device, unsigned k)
{
	if (!M.spec->offered)
		return (device * 3 + k) % MC_SLOTS;
	return device ? MC_SLOTS / 2 + (device * 3 + k) % (MC_SLOTS / 2) : k % MC_SLOTS;
}

static void mc_start_queue(struct mc_dev *m, unsigned k, uint8_t how)
{
	static const uint8_t zeros[MC_RINGS(1)], nums[] = {MC_NUMS};
	struct mc_queue *q = &m->q[k];
	unsigned slot = mc_slot((unsigned)(m - M.dev), k);

	*q = (struct mc_queue){.at = MC_RINGS(slot), .num = nums[how & 3]};
	if (q->num > m->v->q[k].num_max)
		q->num = m->v->q[k].num_max;
	if (M.pages & 1)
		mc_poke(q->at, zeros, sizeof(zeros));
	mc_mark(q->at + MC_USED, 6 + 8ull * q->num);
	mc_vreg(m, VIRTIO_MMIO_QUEUE_SEL, k);
	mc_vreg(m, VIRTIO_MMIO_QUEUE_NUM, q->num);
	mc_vreg(m, VIRTIO_MMIO_QUEUE_DESC_LOW, q->at);
	mc_vreg(m, VIRTIO_MMIO_QUEUE_DRIVER_LOW, q->at + MC_AVAIL);
	mc_vreg(m, VIRTIO_MMIO_QUEUE_DEVICE_LOW, q->at + MC_USED);
	mc_vreg(m, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void mc_op_drive(void)
{
	struct mc_dev *m = mc_virtio();
	uint8_t how = mc_u8();
	uint32_t status = VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER;
	uint64_t take;

	if (!m)
		return;
	if (!(how & MC_D_NO_RESET))
		mc_vreg(m, VIRTIO_MMIO_STATUS, 0);
	mc_vreg(m, VIRTIO_MMIO_STATUS, status);
	take = mc_accepted(m->v, how);
	for (unsigned i = 0; i < 2; i++) {
		mc_vreg(m, VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
		mc_vreg(m, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(take >> 32 * i));
	}
	status |= VIRTIO_S_FEATURES_OK;
	mc_vreg(m, VIRTIO_MMIO_STATUS, status);
	if (!(m->v->status & VIRTIO_S_FEATURES_OK)) {
		depth_hit(features_refused);
		return;
	}
	for (unsigned k = 0; k < m->v->nr_queues; k++)
		if (!m->v->q[k].ready)
			mc_start_queue(m, k, how);
	if (how & MC_D_NO_DRIVER_OK)
		return;
	mc_vreg(m, VIRTIO_MMIO_STATUS, status | VIRTIO_S_DRIVER_OK);
	depth_hit(driver_ok);
}

static void mc_kick(struct mc_dev *m, unsigned k)
{
	bool open = k < m->v->nr_queues && m->v->q[k].ready && (m->v->status & VIRTIO_S_DRIVER_OK);
	bool broken = open && m->v->q[k].broken;
	uint32_t was = open ? m->v->q[k].pushed : 0;

	mc_vreg(m, VIRTIO_MMIO_QUEUE_NOTIFY, k);
	if (!open)
		return;
	if (M.spec->kicked && m == &M.dev[0])
		M.spec->kicked(k);
	if (m->v->q[k].pushed != was)
		depth_hit(chain_served);
	if (!broken && m->v->q[k].broken)
		depth_hit(queue_broken);
}

/* Descriptors from (table) on, (num) of them before they begin again. */
static void mc_write_chain(uint64_t table, unsigned first, unsigned num, const struct virtq_seg *s,
			   unsigned out, unsigned n, bool loop)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned at = (first + i) % num, next = i + 1 < n ? (at + 1) % num : first;

		mc_poke_desc(table + 16ull * at, s[i].gpa, s[i].len,
			     (uint16_t)((i + 1 < n || loop ? VIRTQ_DESC_F_NEXT : 0) |
					(i >= out ? VIRTQ_DESC_F_WRITE : 0)),
			     (uint16_t)next);
		if (i < out)
			continue;
		mc_mark(s[i].gpa, s[i].len);
		/* A device that writes to rings changes what it may write. */
		if (s[i].gpa < MC_DATA)
			M.unsure = true;
	}
}

static void mc_op_chain(void)
{
	struct mc_dev *m = mc_virtio();
	uint8_t sel = mc_u8(), shape = mc_u8();
	unsigned out = shape & 7, n = out + (shape >> 4 & 7), k, first;
	uint64_t table = MC_TABLES + MC_TABLE * (M.ops % 16);
	struct virtq_seg s[MC_BUFFERS];
	struct mc_queue *q;

	for (unsigned i = 0; i < n; i++) {
		s[i].gpa = mc_address();
		s[i].len = mc_length();
	}
	if (!m || !n)
		return;
	k = (sel & 15) % m->v->nr_queues;
	q = &m->q[k];
	if (!q->num)
		return;
	first = q->cursor % q->num;
	if (sel & MC_C_INDIRECT) {
		mc_write_chain(table, 0, n, s, out, n, sel & MC_C_LOOP);
		mc_poke_desc(q->at + 16ull * first, table, 16 * n, VIRTQ_DESC_F_INDIRECT, 0);
		q->cursor++;
		depth_hit(chain_indirect);
	} else {
		mc_write_chain(q->at, first, q->num, s, out, n < q->num ? n : q->num,
			       sel & MC_C_LOOP);
		n = n < q->num ? n : q->num;
		q->cursor = (uint16_t)(q->cursor + n);
	}
	mc_poke16(q->at + MC_AVAIL + 4 + 2ull * (q->offer % q->num), (uint16_t)first);
	if (M.spec->offered && m == &M.dev[0])
		M.spec->offered(k, (uint16_t)first, s, out, sel & MC_C_LOOP ? 0 : n);
	q->offer++;
	mc_poke16(q->at + MC_AVAIL + 2, q->offer);
	depth_hit(chain_offered);
	if (!(sel & MC_C_NO_KICK))
		mc_kick(m, k);
}

static void mc_op_kick(void)
{
	struct mc_dev *m = mc_virtio();
	uint8_t k = mc_u8();

	if (m)
		mc_kick(m, k % (VIRTIO_QUEUES + 2));
}

static void mc_op_status_ack(void)
{
	struct mc_dev *m = mc_virtio();

	if (!m || !m->mmio)
		return;
	mc_vreg(m, VIRTIO_MMIO_INTERRUPT_ACK,
		(uint32_t)mc_access(m, BUS_MMIO, m->d->range[0].base + VIRTIO_MMIO_INTERRUPT_STATUS,
				    4, false, 0));
	FUZZ_ORACLE(!m->v->interrupt_status, "ack", "%s: interrupt status %#x after it", m->d->name,
		    m->v->interrupt_status);
}

/* ---- memory, time, what is outside ------------------------------------------------------------------ */

static void mc_op_bytes(void)
{
	uint32_t at = MC_DATA + 32u * mc_u8();
	unsigned n = 1 + mc_u8() % 32;
	uint8_t b[32];

	for (unsigned i = 0; i < n; i++)
		b[i] = mc_u8();
	mc_poke(at, b, n);
}

static void mc_op_poke(void)
{
	uint64_t gpa = mc_u16() % MC_RAM;

	if (gpa + 2 > MC_RAM)
		return;
	mc_poke16(gpa, mc_u16());
	M.unsure |= gpa < MC_DATA;
}

static void mc_op_clock(void)
{
	uint64_t ns = 1ull << mc_u8() % 24;
	int rc;

	MC_SAY("wait %llu", (unsigned long long)ns);
	mc_enter(NULL);
	rc = clock_advance(&M.clock, ns);
	mc_leave();
	FUZZ_ORACLE(!rc, "clock", "a timer fires for ever");
	depth_hit(clock_stepped);
}

static void mc_op_reset(void)
{
	struct mc_dev *m = &M.dev[mc_u8() % M.n];

	MC_SAY("reset %s", m->d->name);
	mc_enter(m);
	dev_reset(m->d);
	mc_leave();
	FUZZ_ORACLE(!m->v || !m->level, "line", "%s: the line is up after a reset", m->d->name);
	depth_hit(device_reset);
}

/* Where a fuzzer drives one group in four is saved, another with each input: saving costs most. */
static bool mc_turn(const struct mc_dev *m)
{
	if (M.spec->opaque && m->d->cls == M.spec->cls)
		return false;
#ifdef VISE_FUZZ
	return m->touched && (m->group + M.ops) % 4 == 0;
#else
	return m->touched;
#endif
}

static void mc_save(struct mc_dev *m, struct buf *out)
{
	out->len = 0;
	FUZZ_ORACLE(!dev_save(m->d, out), "save", "%s: no memory", m->d->name);
}

/*
 * Through the saved form, as a machine is: all are saved, reset, loaded. Nothing may change, and it comes
 * out the same. The controllers hear of it that lines go down at the resets, so they are loaded always.
 */
static void mc_save_all(void)
{
	static struct buf was[MC_DEVICES], now; /* kept: allocating costs as much as saving */
	uint64_t seen = M.seen;
	bool intr = M.intr;
	uint32_t turn = 0;

	/* Once an input: it is dear indeed. The second run of it shows that nothing changed. */
	if (!M.dear || M.again || M.saved)
		return;
	M.saved = true;
	MC_SAY("save, reset and load");
	for (unsigned i = 0; i < M.n; i++) {
		struct mc_dev *m = &M.dev[i];

		turn |= (uint32_t)mc_turn(m) << i;
		if (!m->late && !(turn >> i & 1))
			continue;
		m->reloaded = true;
		m->was_level = m->level;
		mc_save(m, &was[i]);
	}
	for (unsigned late = 0; late < MC_LATE; late++)
		for (unsigned i = 0; i < M.n; i++)
			if (M.dev[i].late == late && turn >> i & 1)
				dev_reset(M.dev[i].d);
	for (unsigned i = 0; i < M.n; i++) {
		struct mc_dev *m = &M.dev[i];
		struct err err = {0};
		size_t used = 0;

		if (!m->late && !(turn >> i & 1))
			continue;
		FUZZ_ORACLE(!dev_load(m->d, was[i].p, was[i].len, &used, &err) &&
				    used == was[i].len,
			    "load", "%s: %s", m->d->name, err.msg);
		/* The reset lowered it, the load leaves it to the controller. */
		m->level = m->was_level;
	}
	for (unsigned i = 0; i < M.n; i++) {
		if (!M.dev[i].late && !(turn >> i & 1))
			continue;
		mc_save(&M.dev[i], &now);
		FUZZ_ORACLE(was[i].len == now.len && !memcmp(was[i].p, now.p, now.len),
			    "save-load-save", "%s: the saved form is another", M.dev[i].d->name);
		depth_hit(saved_and_loaded);
	}
	M.seen = seen;
	M.intr = intr;
}

static void mc_op_save(void)
{
	(void)mc_u8();
	mc_save_all();
}

static void mc_op_line(void)
{
	uint8_t b = mc_u8();

	MC_SAY("line %u %u", (b & 0x7f) % IOAPIC_PINS, b >> 7);
	mc_enter(NULL);
	mc_on_line(NULL, (b & 0x7f) % IOAPIC_PINS, b >> 7);
	mc_leave();
}

/* As module vm answers a CPU that takes an interrupt. */
static void mc_op_ack(void)
{
	struct dev *pic = mc_touch(M.pic), *lapic = mc_touch(M.lapic);
	int vector = LAPIC_EXTINT;

	mc_enter(NULL);
	if (lapic)
		vector = lapic_ack(lapic);
	if (vector == LAPIC_EXTINT)
		vector = pic ? pic_ack(pic) : -1;
	mc_leave();
	MC_SAY("interrupt %d taken", vector);
	FUZZ_ORACLE(vector >= -1 && vector < 256, "vector", "%d", vector);
	mc_see((uint64_t)vector);
	if (vector >= 0)
		depth_hit(cpu_interrupt);
}

static void mc_op_event(void)
{
	uint8_t b = mc_u8();

	if (!M.spec->event)
		return;
	MC_SAY("event 0x%x", b);
	mc_enter(NULL);
	M.spec->event(b);
	mc_leave();
}

static void mc_op_hook(void)
{
	struct behind_change c = behind_next(&M.input);

	MC_SAY("change %u %u 0x%x", c.countdown, c.off, c.flip);
	behind_arm(&M.pending, &c);
}

static void mc_op_other(void)
{
	uint8_t b = mc_u8();

	if (M.spec->other)
		M.spec->other(b);
}

static void mc_op(enum mc_op op)
{
	static void (*const ops[])(void) = {
		[MC_DRIVE] = mc_op_drive,
		[MC_CHAIN] = mc_op_chain,
		[MC_KICK] = mc_op_kick,
		[MC_BYTES] = mc_op_bytes,
		[MC_POKE] = mc_op_poke,
		[MC_CLOCK] = mc_op_clock,
		[MC_RESET] = mc_op_reset,
		[MC_SAVE] = mc_op_save,
		[MC_LINE] = mc_op_line,
		[MC_ACK] = mc_op_ack,
		[MC_EVENT] = mc_op_event,
		[MC_HOOK] = mc_op_hook,
		[MC_STATUS_ACK] = mc_op_status_ack,
		[MC_OTHER] = mc_op_other,
	};

	if (op == MC_READ || op == MC_WRITE)
		mc_op_access(op == MC_WRITE);
	else
		ops[op]();
}

#endif
