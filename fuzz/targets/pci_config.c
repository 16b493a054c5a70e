/* SPDX-License-Identifier: MIT */
/*
 * pci_config: accesses of any size to configuration space by ports and ECAM, to BARs and to MSI-X, of three
 * functions behind a host bridge: two plain ones and a virtio-rng. BARs move and collide, devices raise
 * lines and send messages. The input's form is in fuzz/engine/pci_prog.h.
 * @modules pci
 *
 * Oracles, after each operation: the plain functions' configuration space and MSI-X tables are those of a
 * model that was told the same accesses, byte by byte; so are the messages that went out, and the lines.
 * A BAR is on the bus where its register says, or something else is there. Every access returns, and what
 * is read fits its size; ports and ECAM agree. The virtio queue is frozen while enabled, its vectors are
 * there. On dear inputs: save, reset, load, save give the same bytes; reset gives the fresh state; the same
 * input twice ends in the same state; a function that no access was of is as it was made.
 */
#include <depth.h>
#include <oracle.h>
#include <pci_prog.h>
#include <stats.h>

/* The model is no subject. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif

DEPTH_COUNTERS(ecam_read, ecam_written, port_read, port_written, absent, bar_decoded, bar_collides,
	       bus_reached, message_sent, message_waits, message_flushed, line_up, line_of_two,
	       window_read, window_written, master_off, queue_enabled, request_done,
	       saved_and_loaded, reset_compared, run_twice);

#include <pci_touch.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_OPS 64u

/* ---- what must come of it ------------------------------------------------------------------------- */

static uint16_t m_command(const struct model *m)
{
	return ld_le16(m->config + 4);
}

static bool m_enabled(const struct model *m)
{
	return m->config[0x43] & 0x80;
}

static void m_send(struct model *m, unsigned n)
{
	const uint8_t *e = m->table + 16 * n;

	if (!m_enabled(m))
		return;
	if ((m->config[0x43] & 0x40) || !(m_command(m) & 4) || (e[12] & 1)) {
		m->pending |= 1u << n;
		depth_hit(message_waits);
		return;
	}
	if (m->pending >> n & 1)
		depth_hit(message_flushed);
	m->pending &= ~(1u << n);
	if (W.nr_want < MESSAGES)
		W.want[W.nr_want] = (struct message){ld_le64(e), ld_le32(e + 8)};
	W.nr_want++;
	depth_hit(message_sent);
}

static void m_flush(struct model *m)
{
	for (unsigned i = 0; i < VECTORS; i++)
		if (m->pending >> i & 1)
			m_send(m, i);
}

static bool m_line(const struct model *m)
{
	return m->intx && !m_enabled(m) && !(m_command(m) & 0x400);
}

/* One access of a configuration write, 1, 2 or 4 bytes, aligned. */
static void m_piece(struct model *m, unsigned off, unsigned size, uint64_t val)
{
	bool was = m_enabled(m);

	for (unsigned i = 0; i < size; i++, val >>= 8) {
		uint8_t w = m->writable[off + i];

		m->config[off + i] = (uint8_t)((m->config[off + i] & ~w) | (val & w));
	}
	if (was && !m_enabled(m))
		m->pending = 0;
	m_flush(m);
}

static void m_config_write(unsigned slot, unsigned off, unsigned size, uint64_t val)
{
	struct model *m = model_of(slot);

	for (unsigned n; m && size && off < 256; off += n, size -= n) {
		n = !(off & 3) && size >= 4 ? 4 : !(off & 1) && size >= 2 ? 2 : 1;
		m_piece(m, off, n, val);
		val = n < 8 ? val >> (8 * n) : 0;
	}
}

/* A piece of a write to the table that the bus makes. */
static void m_table_piece(struct model *m, uint64_t off, unsigned size, uint64_t val)
{
	if (size < 4 || off % size || off >= sizeof(m->table))
		return;
	for (unsigned i = 0; i < size; i++, val >>= 8) {
		unsigned in = (unsigned)(off + i) % 16;
		uint8_t mask = in == 0 ? 0xfc : in == 12 ? 1 : in > 12 ? 0 : 0xff;

		m->table[off + i] = (uint8_t)val & mask;
	}
	m_flush(m);
}

static void m_table_write(struct model *m, uint64_t off, unsigned size, uint64_t val)
{
	unsigned in = off >= MEM_LEN ? 0 : MEM_LEN - off < size ? (unsigned)(MEM_LEN - off) : size;

	for (unsigned n; in; off += n, in -= n) {
		n = in == 8 ? 8 : in >= 4 ? 4 : in >= 2 ? 2 : 1;
		m_table_piece(m, off, n, val & size_mask(n));
		val = n < 8 ? val >> (8 * n) : 0;
	}
}

/* (len) a multiple of 8. Without the sanitizers' memcmp(), which looks at the shadow first. */
static bool differ(const uint8_t *a, const uint8_t *b, unsigned len)
{
	uint64_t d = 0;

	for (unsigned i = 0; i < len; i += 8)
		d |= ld_le64(a + i) ^ ld_le64(b + i);
	return d;
}

static void check_plain(unsigned slot)
{
	const struct pci_func *f = W.f[slot];
	struct model *m = model_of(slot);

	m->config[6] = (uint8_t)((m->config[6] & ~8) | (m->intx && !m_enabled(m) ? 8 : 0));
	for (unsigned i = 0; i < 256 && differ(m->config, f->config, 256); i++)
		FUZZ_ORACLE(m->config[i] == f->config[i], "config-bytes",
			    "slot %u, byte %#x is %#x, model: %#x", slot, i, f->config[i],
			    m->config[i]);
	FUZZ_ORACLE(!differ(m->table, f->msix_table, sizeof(m->table)), "msix-table",
		    "slot %u has another table than the model", slot);
	FUZZ_ORACLE(m->pending == f->msix_pending, "msix-pending", "slot %u: %#llx, model: %#x",
		    slot, (unsigned long long)f->msix_pending, m->pending);
	FUZZ_ORACLE(f->line == m_line(m), "intx", "slot %u: line %d", slot, f->line);
}

/* Does something else than this BAR lie in [base, base + len) of the space, or is it beyond its end? */
static bool taken(enum bus_space space, uint64_t base, uint64_t len, const struct pci_bar *but)
{
	uint64_t top = space == BUS_PIO ? 0xffff : UINT64_MAX, at, n;
	void *ctx;

	if (base > top || len - 1 > top - base)
		return true;
	for (unsigned i = 0; bus_range(W.bus, space, i, &at, &n, &ctx); i++)
		if (ctx != but && at <= base + (len - 1) && base <= at + (n - 1))
			return true;
	return false;
}

static bool on_bus(enum bus_space space, uint64_t base, uint64_t len, const struct pci_bar *b)
{
	uint64_t at, n;
	void *ctx;

	for (unsigned i = 0; bus_range(W.bus, space, i, &at, &n, &ctx); i++)
		if (ctx == b)
			return at == base && n == len;
	return false;
}

static void check_bars(unsigned slot)
{
	const struct pci_func *f = W.f[slot];

	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *b = &f->bar[i];
		const bool io = b->flags & PCI_BAR_IO;
		uint64_t base = ld_le(f->config + 0x10 + 4 * i, b->flags & PCI_BAR_64 ? 8 : 4) &
				~(b->len - 1);
		bool wanted = b->len && (f->config[4] & (io ? 1 : 2));
		bool decoded = b->len && on_bus(io ? BUS_PIO : BUS_MMIO, base, b->len, b);

		FUZZ_ORACLE(decoded == (f->decoded >> i & 1), "decoded",
			    "slot %u, BAR %u says %d at %#llx", slot, i, f->decoded >> i & 1,
			    (unsigned long long)base);
		FUZZ_ORACLE(wanted || !decoded, "decodes-disabled", "slot %u, BAR %u", slot, i);
		FUZZ_ORACLE(!wanted || decoded || taken(io ? BUS_PIO : BUS_MMIO, base, b->len, b),
			    "decodes-nothing", "slot %u, BAR %u, where nothing is: %#llx", slot, i,
			    (unsigned long long)base);
		if (decoded)
			depth_hit(bar_decoded);
		if (wanted && !decoded)
			depth_hit(bar_collides);
	}
}

/* Since this was asked last: is there another range on the bus, or one elsewhere? */
static bool ranges_moved(void)
{
	bool moved = false;

	for (unsigned k = 0; k < ARRAY_SIZE(W.place); k++) {
		struct place now, *was;
		unsigned n = 0;

		for (; bus_range(W.bus, k ? BUS_MMIO : BUS_PIO, n, &now.base, &now.len, &now.ctx);
		     n++) {
			if (n == PLACES)
				return true;
			was = &W.place[k][n];
			moved |=
				was->base != now.base || was->len != now.len || was->ctx != now.ctx;
			*was = now;
		}
		moved |= W.nr_places[k] != n;
		W.nr_places[k] = n;
	}
	return moved;
}

/*
 * Since this was asked last: has a BAR's register or an enable bit changed, is a BAR decoded or not? With
 * the ranges of the bus that is all that check_bars() judges by.
 */
static bool bars_moved(void)
{
	bool moved = ranges_moved();

	for (unsigned slot = 1; slot <= LAST_SLOT; slot++) {
		const struct pci_func *f = W.f[slot];
		const uint64_t now[4] = {ld_le64(f->config + 0x10), ld_le64(f->config + 0x18),
					 ld_le64(f->config + 0x20),
					 f->config[4] | (uint64_t)f->decoded << 8};

		for (unsigned i = 0; i < ARRAY_SIZE(now); i++) {
			moved |= W.bars[slot][i] != now[i];
			W.bars[slot][i] = now[i];
		}
	}
	return moved;
}

static bool read_only_changed(const struct pci_func *f)
{
	uint64_t bad = 0;

	for (unsigned i = 0; i < 256; i += 8)
		bad |= (ld_le64(f->config + i) ^ ld_le64(f->initial + i)) &
		       ~(ld_le64(f->writable + i) | ld_le64(f->clears + i) |
			 ld_le64(f->changes + i));
	return bad;
}

static void check_virtio(void)
{
	const struct pci_func *f = W.f[RNG_SLOT];
	const struct virtq *q = &W.v->q[0];

	for (unsigned i = 0; i < 256 && read_only_changed(f); i++)
		FUZZ_ORACLE(!((f->config[i] ^ f->initial[i]) &
			      ~(f->writable[i] | f->clears[i] | f->changes[i])),
			    "read-only", "byte %#x of the virtio function is %#x", i, f->config[i]);
	FUZZ_ORACLE(!(f->msix_pending >> f->nr_vectors), "msix-pending", "%#llx of %u vectors",
		    (unsigned long long)f->msix_pending, f->nr_vectors);
	FUZZ_ORACLE(q->num <= q->num_max, "queue-size", "%u", q->num);
	FUZZ_ORACLE(!q->ready || (q->num && W.v->status & VIRTIO_S_FEATURES_OK), "queue-ready",
		    "a queue of %u at status %#x", q->num, W.v->status);
	FUZZ_ORACLE(!q->ready || !W.frozen.ready ||
			    (W.frozen.num == q->num && W.frozen.desc == q->desc &&
			     W.frozen.avail == q->avail && W.frozen.used == q->used),
		    "frozen", "an enabled queue was changed");
	W.frozen.ready = q->ready;
	W.frozen.num = q->num;
	W.frozen.desc = q->desc;
	W.frozen.avail = q->avail;
	W.frozen.used = q->used;
	FUZZ_ORACLE(W.v->stopped == !(f->config[4] & 4), "master", "stopped: %d", W.v->stopped);
	if (W.v->stopped)
		depth_hit(master_off);
	if (q->ready)
		depth_hit(queue_enabled);
	if (q->ready && q->pushed)
		depth_hit(request_done);
}

/* (last): where the BARs are is looked at even where nothing changed. */
static void check_all(bool last)
{
	unsigned up = W.f[RNG_SLOT]->line;
	bool bars = bars_moved() || last;

	FUZZ_ORACLE(W.nr_heard == W.nr_want, "messages", "%u went out, model: %u", W.nr_heard,
		    W.nr_want);
	for (unsigned i = 0; i < W.nr_want && i < MESSAGES; i++)
		FUZZ_ORACLE(W.heard[i].addr == W.want[i].addr && W.heard[i].data == W.want[i].data,
			    "message", "number %u is %#llx, %#x", i,
			    (unsigned long long)W.heard[i].addr, W.heard[i].data);
	W.nr_heard = W.nr_want = 0;
	for (unsigned slot = 1; slot <= LAST_SLOT; slot++) {
		if (model_of(slot))
			check_plain(slot);
		if (bars)
			check_bars(slot);
	}
	check_virtio();
	for (unsigned i = 0; i < PLAINS; i++)
		up += m_line(&W.m[i]);
	FUZZ_ORACLE(W.line == !!up, "line", "%d, of %u functions", W.line, up);
	if (up)
		depth_hit(line_up);
	if (up > 1)
		depth_hit(line_of_two);
}

/* ---- operations ------------------------------------------------------------------------------------ */

/* All that was read is compared where the input runs twice. */
static void note_read(uint64_t val)
{
	if (W.dear)
		W.reads = hash64(W.reads, &val, sizeof(val));
}

/* What of a configuration read is known: all but of the virtio function's window. */
static void check_read(unsigned slot, bool there, unsigned off, unsigned size, uint64_t got)
{
	const struct model *m = model_of(slot);

	FUZZ_ORACLE(!(got & ~size_mask(size)), "read-size", "%u bytes are %#llx", size,
		    (unsigned long long)got);
	note_read(got);
	for (unsigned i = 0; i < size; i++) {
		uint8_t b = (uint8_t)(got >> 8 * i);

		if (!there || slot > LAST_SLOT || off + i >= 256)
			FUZZ_ORACLE(b == 0xff, "absent", "byte %#x of slot %u is %#x", off + i,
				    slot, b);
		else if (m)
			FUZZ_ORACLE(b == m->config[off + i], "config-read",
				    "byte %#x of slot %u is %#x, model: %#x", off + i, slot, b,
				    m->config[off + i]);
	}
	if (!there || slot > LAST_SLOT)
		depth_hit(absent);
}

/* Messages of the virtio function are as it likes: the model is told them. */
static void believe_virtio(unsigned before)
{
	for (unsigned i = before; i < W.nr_heard && i < MESSAGES && W.nr_want < MESSAGES; i++)
		W.want[W.nr_want++] = W.heard[i];
}

static void op_ecam(void)
{
	unsigned slot = u8() % PP_SLOTS, off = u8(), how = u8(), size = 1 + (how & 7);
	uint32_t at = slot << 15 | (how & PP_FUNCTION ? 1u << 12 : 0);
	uint64_t val = 0;

	W.touched |= 1u << slot;
	off += how & PP_EXTENDED ? 256 : 0;
	at |= off;
	if (how & PP_WRITE) {
		val = value(size) & size_mask(size);
		if (!(how & PP_FUNCTION))
			m_config_write(slot, off, size, val);
		touch_config(slot, !(how & PP_FUNCTION), off, true, size, val);
		(void)bus_write(W.bus, BUS_MMIO, PCI_ECAM + at, size, val);
		depth_hit(ecam_written);
	} else {
		touch_config(slot, !(how & PP_FUNCTION), off, false, size, 0);
		(void)bus_read(W.bus, BUS_MMIO, PCI_ECAM + at, size, &val);
		touched(val);
		check_read(slot, !(how & PP_FUNCTION), off, size, val);
		depth_hit(ecam_read);
	}
	if (slot == RNG_SLOT)
		believe_virtio(0);
}

static void op_address(void)
{
	uint32_t slot = u8() % PP_SLOTS, reg = u8(), a;

	a = slot << 11 | (reg & 0xfc);
	a |= (uint32_t)u8() << 16;
	a |= (uint32_t)u8() << 24;
	touch(TOUCH_PORT, true, 4);
	PCI_SAY("pio w 0x%x 4 0x%x", PCI_CONFIG_PORT, a);
	(void)bus_write(W.bus, BUS_PIO, PCI_CONFIG_PORT, 4, a);
	W.address = a & 0x80fffffc;
}

/* An access at (off) of the ports, which is one of the register at (reg) where it is in the second half. */
static void touch_port(unsigned slot, bool there, unsigned off, unsigned reg, bool write,
		       unsigned size, uint64_t val)
{
	PCI_SAY("pio %c 0x%x %u 0x%llx", write ? 'w' : 'r', PCI_CONFIG_PORT + off, size,
		(unsigned long long)val);
	if (off >= 4)
		touch_config(slot, there, reg, write, size, val);
	else
		touch(TOUCH_PORT, write, size);
}

static void op_port(void)
{
	unsigned off = u8() & 7, how = u8(), size = 1u << (how % 3), slot, reg;
	bool there = (W.address & 0x80000000) && !(W.address & 0x00ff0700);
	uint64_t val = 0;

	if (off + size > 8)
		off = 8 - size;
	slot = W.address >> 11 & 31;
	reg = (W.address & 0xfc) | (off & 3);
	W.touched |= 1u << slot;
	if (how & PP_WRITE) {
		val = value(size) & size_mask(size);
		if (off >= 4 && there)
			m_config_write(slot, reg, size, val);
		touch_port(slot, there, off, reg, true, size, val);
		(void)bus_write(W.bus, BUS_PIO, PCI_CONFIG_PORT + off, size, val);
		if (!off && size == 4)
			W.address = (uint32_t)val & 0x80fffffc;
		depth_hit(port_written);
	} else {
		touch_port(slot, there, off, reg, false, size, 0);
		(void)bus_read(W.bus, BUS_PIO, PCI_CONFIG_PORT + off, size, &val);
		touched(val);
		if (off >= 4)
			check_read(slot, there, reg, size, val);
		else
			FUZZ_ORACLE(val == (!off && size == 4 ? W.address : size_mask(size)),
				    "address", "%u bytes at %u are %#llx", size, off,
				    (unsigned long long)val);
		depth_hit(port_read);
	}
	if (slot == RNG_SLOT)
		believe_virtio(0);
}

static void op_bar(bool bus)
{
	unsigned slot = 1 + u8() % LAST_SLOT, bar = u8() % PCI_BARS, lo = u8(), hi = u8(),
		 how = u8(), size = 1 + (how & 7);
	uint64_t off = lo | hi << 8, val = how & PP_WRITE ? value(size) & size_mask(size) : 0;
	struct pci_func *f = W.f[slot];
	struct model *m = model_of(slot);
	enum bus_space space = f->bar[bar].flags & PCI_BAR_IO ? BUS_PIO : BUS_MMIO;
	uint64_t at = pci_bar_base(f, bar) + off, got = 0;

	W.touched |= 1u << slot;

	if (!f->bar[bar].len)
		bus = false;
	else if (bus && (!(f->decoded >> bar & 1) || off + size > f->bar[bar].len))
		return;
	touch_bar(slot, bar, off, how & PP_WRITE, size, val);
	if (m && bar == MSIX_BAR && how & PP_WRITE)
		m_table_write(m, off, size, val);
	if (how & PP_WRITE) {
		if (bus)
			(void)bus_write(W.bus, space, at, size, val);
		else
			pci_bar_write(f, bar, off, size, val);
	} else {
		got = pci_bar_read(f, bar, off, size);
		touched(got);
		FUZZ_ORACLE(!(got & ~size_mask(size)), "read-size", "%u bytes are %#llx", size,
			    (unsigned long long)got);
		note_read(got);
		if (bus && slot != RNG_SLOT) {
			uint64_t want = got;

			(void)bus_read(W.bus, space, at, size, &got);
			FUZZ_ORACLE(got == want, "bus-bar", "%#llx by the bus, %#llx",
				    (unsigned long long)got, (unsigned long long)want);
		}
	}
	if (bus)
		depth_hit(bus_reached);
	if (slot == RNG_SLOT)
		believe_virtio(0);
}

static void config_write(unsigned slot, unsigned off, unsigned size, uint64_t val)
{
	W.touched |= 1u << slot;
	touch_config(slot, true, off, true, size, val);
	m_config_write(slot, off, size, val);
	(void)bus_write(W.bus, BUS_MMIO, PCI_ECAM + (slot << 15 | off), size, val);
	if (slot == RNG_SLOT)
		believe_virtio(0);
}

static void op_place(void)
{
	static const uint64_t places[] = {PP_PLACES};
	unsigned slot = 1 + u8() % LAST_SLOT, bar = u8() % PCI_BARS;
	uint64_t at = places[u8() % ARRAY_SIZE(places)];

	config_write(slot, PCI_BAR0 + 4 * bar, W.f[slot]->bar[bar].flags & PCI_BAR_64 ? 8 : 4, at);
}

static void op_command(void)
{
	unsigned slot = 1 + u8() % LAST_SLOT, lo = u8(), hi = u8();

	config_write(slot, PCI_COMMAND, 2, lo | hi << 8);
}

static void op_act(void)
{
	unsigned slot = 1 + u8() % LAST_SLOT, b = u8();
	struct model *m = model_of(slot);

	if (!m)
		return;
	W.touched |= 1u << slot;
	PCI_SAY("slot %u: %s %u", slot, b & 0x80 ? "INTx is" : "message of vector",
		b & 0x80 ? b >> 6 & 1u : b & 31u);
	if (b & 0x80) {
		m->intx = b & 0x40;
		pci_intx(W.f[slot], b & 0x40);
		return;
	}
	if ((b & 31) < VECTORS)
		m_send(m, b & 31);
	pci_msix_send(W.f[slot], b & 31);
}

static void op_vector(void)
{
	unsigned slot = 1 + u8() % LAST_SLOT, n = u8() % VECTORS, mask = u8() & 1;
	struct model *m = model_of(slot);
	uint64_t words[2] = {0xfee00000u + (n << 12),
			     0x40u + n + 16 * slot + ((uint64_t)mask << 32)};

	W.touched |= 1u << slot;
	for (unsigned i = 0; i < 2; i++) {
		if (m)
			m_table_write(m, 16 * n + 8 * i, 8, words[i]);
		touch_bar(slot, W.f[slot]->msix_bar, 16 * n + 8 * i, true, 8, words[i]);
		pci_bar_write(W.f[slot], W.f[slot]->msix_bar, 16 * n + 8 * i, 8, words[i]);
	}
	if (!m)
		believe_virtio(0);
}

static void op_msix(void)
{
	unsigned slot = 1 + u8() % LAST_SLOT, b = u8();

	config_write(slot, W.f[slot]->msix_cap + PCI_MSIX_CONTROL + 1, 1, b);
}

/* 4.1.4.9: the window of the virtio function, whose last capability but one is at the same place always. */
static void op_window(void)
{
	unsigned lo = u8(), hi = u8(), len = u8(), how = u8(), cap = 0;
	uint64_t val;

	for (unsigned at = W.f[RNG_SLOT]->config[PCI_CAPABILITIES]; at;
	     at = W.f[RNG_SLOT]->config[at + 1])
		if (W.f[RNG_SLOT]->config[at] == 9 && W.f[RNG_SLOT]->config[at + 3] == 5)
			cap = at;
	config_write(RNG_SLOT, cap + 4, 1, VIRTIO_PCI_BAR);
	config_write(RNG_SLOT, cap + 8, 4, lo | hi << 8);
	config_write(RNG_SLOT, cap + 12, 4, len);
	if (how & PP_WRITE) {
		config_write(RNG_SLOT, cap + 16, 4, value(4));
		depth_hit(window_written);
	} else {
		touch_config(RNG_SLOT, true, cap + 16, false, 4, 0);
		val = pci_config_read(W.host, RNG_SLOT << 15 | (cap + 16), 4);
		touched(val);
		note_read(val);
		believe_virtio(0);
		depth_hit(window_read);
	}
}

static void op_reset(void)
{
	unsigned slot = u8() & 3;

	PCI_SAY("reset slot %u", slot);
	if (!slot) {
		/* The host forgets what its line was, and looks anew. */
		W.line = -1;
		dev_reset(W.host);
		W.line = W.line < 0 ? 0 : W.line;
		W.address = 0;
		return;
	}
	W.touched |= 1u << slot;
	dev_reset(W.dev[slot]);
	if (model_of(slot))
		*model_of(slot) = W.fresh_model;
	else
		memset(&W.frozen, 0, sizeof(W.frozen));
}

static void op_save(void)
{
	struct buf a[4] = {0}, b = {0};
	struct err err = {0};
	int line = W.line;
	size_t used = 0;

	if (!W.dear)
		return;
	PCI_SAY("save, reset and load all");
	for (unsigned i = 0; i <= LAST_SLOT; i++)
		FUZZ_ORACLE(!dev_save(i ? W.dev[i] : W.host, &a[i]), "save", "no memory");
	for (unsigned i = 1; i <= LAST_SLOT; i++)
		dev_reset(W.dev[i]);
	FUZZ_ORACLE(!W.line, "reset-line", "all functions are reset, the line is up");
	for (unsigned i = 0; i <= LAST_SLOT; i++)
		FUZZ_ORACLE(!dev_load(i ? W.dev[i] : W.host, a[i].p, a[i].len, &used, &err) &&
				    used == a[i].len,
			    "load", "slot %u: %s", i, err.msg);
	for (unsigned i = 0; i <= LAST_SLOT; i++) {
		FUZZ_ORACLE(!dev_save(i ? W.dev[i] : W.host, &b) && b.len == a[i].len &&
				    !memcmp(a[i].p, b.p, b.len),
			    "save-load-save", "slot %u: the saved form is another", i);
		buf_free(&a[i]);
		buf_free(&b);
		b = (struct buf){0};
	}
	/* The controller has its own idea of the line. */
	W.line = line;
	depth_hit(saved_and_loaded);
}

static void op_offer(void)
{
	uint8_t desc[16] = {0}, idx[2];
	uint16_t i;

	PCI_SAY("a chain is offered");
	st_le64(desc, 0x4000);
	st_le32(desc + 8, 64);
	st_le16(desc + 12, VIRTQ_DESC_F_WRITE);
	FUZZ_ORACLE(!gmem_read(W.mem, PP_AVAIL + 2, idx, 2), "gmem", "RAM is not there");
	i = ld_le16(idx);
	FUZZ_ORACLE(!gmem_write(W.mem, PP_DESC + 16 * (i % PP_NUM), desc, sizeof(desc)), "gmem",
		    "RAM is not there");
	st_le16(desc, i % PP_NUM);
	st_le16(idx, (uint16_t)(i + 1));
	FUZZ_ORACLE(!gmem_write(W.mem, PP_AVAIL + 4 + 2 * (i % PP_NUM), desc, 2) &&
			    !gmem_write(W.mem, PP_AVAIL + 2, idx, 2),
		    "gmem", "RAM is not there");
}

static void op_clock(void)
{
	uint64_t ns = 1ull << (u8() & 31);

	PCI_SAY("wait %llu", (unsigned long long)ns);
	FUZZ_ORACLE(!clock_advance(&W.clock, ns), "clock", "a timer fires for ever");
	believe_virtio(0);
}

static void op(enum pci_op kind)
{
	switch (kind) {
	case PP_ECAM:
		op_ecam();
		break;
	case PP_ADDRESS:
		op_address();
		break;
	case PP_PORT:
		op_port();
		break;
	case PP_BAR:
	case PP_BUS:
		op_bar(kind == PP_BUS);
		break;
	case PP_PLACE:
		op_place();
		break;
	case PP_COMMAND:
		op_command();
		break;
	case PP_ACT:
		op_act();
		break;
	case PP_VECTOR:
		op_vector();
		break;
	case PP_MSIX:
		op_msix();
		break;
	case PP_WINDOW:
		op_window();
		break;
	case PP_CLOCK:
		op_clock();
		break;
	case PP_RESET:
		op_reset();
		break;
	case PP_SAVE:
		op_save();
		break;
	case PP_OFFER:
		op_offer();
		break;
	case PP_OPS:
		break;
	}
}

/* (again): the same input once more. */
static uint64_t run(const uint8_t *data, size_t size, bool again)
{
	uint64_t hash;

	W.again = again;
	PCI_SAY("the machine of the target pci_config");
	W.p = data;
	W.end = data + size;
	W.m[0] = W.m[1] = W.fresh_model;
	W.address = 0;
	W.line = 0;
	W.reads = 0;
	W.touched = 0;
	W.nr_heard = W.nr_want = 0;
	memset(&W.frozen, 0, sizeof(W.frozen));
	for (W.ops = 0; W.ops < MAX_OPS && W.p < W.end; W.ops++) {
		op((enum pci_op)(u8() % PP_OPS));
		check_all(false);
	}
	if (W.dear)
		op_save();
	check_all(true);
	hash = W.dear ? hash_all() : 0;
	/* What was not touched is as it was made: dear inputs, thus all that are replayed, tell. */
	for (unsigned i = 1; i <= LAST_SLOT; i++) {
		bool was_touched = W.touched >> i & 1;

		FUZZ_ORACLE(was_touched || !W.dear || dev_hash(W.dev[i], 0) == W.fresh_slot[i],
			    "untouched", "slot %u changed, no access was of it", i);
		if (was_touched || W.dear)
			dev_reset(W.dev[i]);
	}
	FUZZ_ORACLE(!W.line, "reset-line", "all functions are reset, the line is up");
	W.line = -1;
	dev_reset(W.host);
	clock_init(&W.clock);
	FUZZ_ORACLE(!gmem_restore(W.mem, W.snap), "gmem", "memory can't be put back");
	W.reads = 0;
	if (W.fresh && W.dear) {
		FUZZ_ORACLE(hash_all() == W.fresh, "reset", "reset gives another state than fresh");
		depth_hit(reset_compared);
	}
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t hash;

	if (!W.host) {
		make();
		W.fresh = hash_all();
		for (unsigned i = 1; i <= LAST_SLOT; i++)
			W.fresh_slot[i] = dev_hash(W.dev[i], 0);
	}
	W.dear = fuzz_dear(data, size);
	hash = run(data, size, false);
	fuzz_case(W.ops, W.ops > 4);
	if (!W.dear)
		return 0;
	FUZZ_ORACLE(run(data, size, true) == hash, "run-twice",
		    "the same input ends in another state");
	depth_hit(run_twice);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
