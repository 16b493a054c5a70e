/* SPDX-License-Identifier: MIT */
/*
 * soft: memory as an instruction sees it: segment checks, alignment, paging, then RAM, ROM or the
 * machine's bus. Everything that can fault does so before the first byte is read or written.
 */
#include <assert.h>

#include "fast.h"
#include "soft_priv.h"

/* Segment attributes, SDM 3A 3.4.5: the type's bits for data and for code. */
#define TYPE_CODE	 8u
#define TYPE_EXPAND_DOWN 4u
#define TYPE_WRITE	 2u /* data: writable; code: readable */
#define ATTR_DB		 (1u << 14)

#define F80_SIZE 10u /* the only access of that length, aligned to 8: 3A table 6-7 */

static _Noreturn void seg_fault(struct soft *s, unsigned seg)
{
	soft_fault_code(s, seg == X86_SS ? X86_SS_FAULT : X86_GP, 0);
}

/* SDM 3A 5.3 and 5.5: the limit and the type. Not for 64-bit code. */
static void check_segment(struct soft *s, unsigned seg, uint64_t off, unsigned size,
			  enum soft_access acc)
{
	const struct x86_seg *d = &s->seg[seg];
	uint64_t last = off + (size ? size - 1 : 0);
	bool code = d->attr & TYPE_CODE;

	if (soft_prot(s) && !soft_v86(s)) {
		if (d->unusable)
			seg_fault(s, seg);
		if (acc == SOFT_WRITE && (code || !(d->attr & TYPE_WRITE)))
			seg_fault(s, seg);
		if (acc == SOFT_READ && code && !(d->attr & TYPE_WRITE))
			seg_fault(s, seg);
	}
	if (!code && (d->attr & TYPE_EXPAND_DOWN)) {
		uint64_t top = d->attr & ATTR_DB ? UINT32_MAX : UINT16_MAX;

		if (off <= d->limit || last > top)
			seg_fault(s, seg);
	} else if (last > d->limit && d->limit != UINT32_MAX) {
		/* In a segment of 4 GiB an access wraps, as Intel's CPUs do (SDM 3A 5.3). */
		seg_fault(s, seg);
	}
}

uint64_t soft_linear(struct soft *s, unsigned seg, uint64_t off, unsigned size,
		     enum soft_access acc)
{
	uint64_t la, last;

	if (s->bits != 64) {
		check_segment(s, seg, off, size, acc);
		return (uint32_t)(s->seg[seg].base + off);
	}
	la = off;
	if (seg == X86_FS || seg == X86_GS)
		la += s->seg[seg].base;
	last = la + (size ? size - 1 : 0);
	if (!soft_canonical(la))
		seg_fault(s, seg);
	if (!soft_canonical(last)) {
		if (size <= 8 && !(size & (size - 1)))
			soft_check_ac(s, la, size);
		seg_fault(s, seg);
	}
	return la;
}

/* SDM 3A 6.15, vector 17: at CPL 3, with CR0.AM and RFLAGS.AC. */
void soft_check_ac(struct soft *s, uint64_t la, unsigned align)
{
	if (s->cpl == 3 && (s->rflags & X86_FLAG_AC) && (s->cr0 & X86_CR0_AM) && (la & (align - 1)))
		soft_fault_code(s, X86_AC, 0);
}

static inline void check_alignment(struct soft *s, uint64_t la, unsigned size, unsigned cpl)
{
	if (cpl == 3 && (s->rflags & X86_FLAG_AC) && (s->cr0 & X86_CR0_AM) &&
	    (size & (size - 1)) == 0 && (la & (size - 1)))
		soft_fault_code(s, X86_AC, 0);
}

/* The next linear address of a run: outside of 64-bit code it wraps at 4 GiB. */
static uint64_t advance(const struct soft *s, uint64_t la, unsigned n)
{
	return s->bits == 64 ? la + n : (uint32_t)(la + n);
}

static unsigned room_in_page(uint64_t la)
{
	return (unsigned)(GMEM_PAGE - (la & (GMEM_PAGE - 1)));
}

/* ---- physical ---------------------------------------------------------------------------------- */

void soft_exit_mmio(struct soft *s, uint64_t gpa, bool write, unsigned size, uint8_t *data)
{
	struct cpu_exit e = {.kind = CPU_EXIT_MMIO, .rip = s->insn_rip};

	assert(size >= 1 && size <= 8);
	e.mmio.gpa = gpa;
	e.mmio.size = (uint8_t)size;
	e.mmio.write = write;
	if (write)
		memcpy(e.mmio.data, data, size);
	s->cfg.host.exit(s->cfg.host.ctx, &e);
	if (!write)
		memcpy(data, e.mmio.data, size);
}

/* At most to the end of the page; longer ones to a device in pieces of 8. */
static void phys_read(struct soft *s, uint64_t gpa, uint8_t *buf, unsigned len)
{
	if (!gmem_read(s->mem, gpa, buf, len))
		return;
	for (unsigned n; len; gpa += n, buf += n, len -= n) {
		n = len < 8 ? len : 8;
		soft_exit_mmio(s, gpa, false, n, buf);
	}
}

static void phys_write(struct soft *s, uint64_t gpa, const uint8_t *buf, unsigned len)
{
	uint8_t piece[8], *code = soft_watched_write(s, gpa, len, false);

	if (code) {
		memcpy(code, buf, len);
		return;
	}
	if (!gmem_write(s->mem, gpa, buf, len))
		return;
	for (unsigned n; len; gpa += n, buf += n, len -= n) {
		n = len < 8 ? len : 8;
		memcpy(piece, buf, n);
		soft_exit_mmio(s, gpa, true, n, piece);
	}
}

uint32_t soft_exit_in(struct soft *s, uint16_t port, unsigned size)
{
	uint8_t data[4] = {0};
	struct cpu_exit e = {.kind = CPU_EXIT_PIO, .rip = s->insn_rip};

	e.pio.port = port;
	e.pio.size = (uint8_t)size;
	e.pio.count = 1;
	e.pio.data = data;
	s->cfg.host.exit(s->cfg.host.ctx, &e);
	return (uint32_t)ld_le(data, size);
}

void soft_exit_out(struct soft *s, uint16_t port, unsigned size, uint32_t val)
{
	uint8_t data[4];
	struct cpu_exit e = {.kind = CPU_EXIT_PIO, .rip = s->insn_rip};

	st_le32(data, val);
	e.pio.port = port;
	e.pio.size = (uint8_t)size;
	e.pio.write = true;
	e.pio.count = 1;
	e.pio.data = data;
	s->cfg.host.exit(s->cfg.host.ctx, &e);
}

/* ---- linear ------------------------------------------------------------------------------------- */

static void lin_read(struct soft *s, uint64_t la, uint8_t *buf, unsigned len, unsigned cpl)
{
	unsigned first = room_in_page(la);
	uint64_t gpa = soft_translate(s, la, SOFT_READ, cpl), gpa2;

	soft_watch(s, la, len, SOFT_READ);
	if (first >= len) {
		phys_read(s, gpa, buf, len);
		return;
	}
	gpa2 = soft_translate(s, advance(s, la, first), SOFT_READ, cpl);
	phys_read(s, gpa, buf, first);
	phys_read(s, gpa2, buf + first, len - first);
}

static void lin_write(struct soft *s, uint64_t la, const uint8_t *buf, unsigned len, unsigned cpl)
{
	unsigned first = room_in_page(la);
	uint64_t gpa = soft_translate(s, la, SOFT_WRITE, cpl), gpa2;

	soft_watch(s, la, len, SOFT_WRITE);
	if (first >= len) {
		phys_write(s, gpa, buf, len);
		return;
	}
	gpa2 = soft_translate(s, advance(s, la, first), SOFT_WRITE, cpl);
	phys_write(s, gpa, buf, first);
	phys_write(s, gpa2, buf + first, len - first);
}

uint64_t soft_lin_read(struct soft *s, uint64_t la, unsigned size, unsigned cpl)
{
	uint8_t b[8];

	lin_read(s, la, b, size, cpl);
	return ld_le(b, size);
}

void soft_lin_write(struct soft *s, uint64_t la, unsigned size, uint64_t val, unsigned cpl)
{
	uint8_t b[8];

	st_le(b, size, val);
	lin_write(s, la, b, size, cpl);
}

void soft_lin_probe_write(struct soft *s, uint64_t la, unsigned len, unsigned cpl)
{
	unsigned first = room_in_page(la);

	soft_translate(s, la, SOFT_WRITE, cpl);
	if (first < len)
		soft_translate(s, advance(s, la, first), SOFT_WRITE, cpl);
}

/* ---- by segment ---------------------------------------------------------------------------------- */

uint64_t soft_read(struct soft *s, unsigned seg, uint64_t off, unsigned size)
{
	uint64_t la = soft_linear(s, seg, off, size, SOFT_READ);

	check_alignment(s, la, size, s->cpl);
	return soft_lin_read(s, la, size, s->cpl);
}

void soft_write(struct soft *s, unsigned seg, uint64_t off, unsigned size, uint64_t val)
{
	uint64_t la = soft_linear(s, seg, off, size, SOFT_WRITE);

	check_alignment(s, la, size, s->cpl);
	soft_lin_write(s, la, size, val, s->cpl);
}

void soft_read_bytes(struct soft *s, unsigned seg, uint64_t off, void *buf, unsigned len)
{
	uint64_t la;

	assert(len <= 4096);
	if (len == F80_SIZE) { /* two accesses: all that is wrong with the first one comes first */
		st_le64(buf, soft_read(s, seg, off, 8));
		st_le16((uint8_t *)buf + 8, (uint16_t)soft_read(s, seg, off + 8, 2));
		return;
	}
	la = soft_linear(s, seg, off, len, SOFT_READ);
	lin_read(s, la, buf, len, s->cpl);
}

void soft_write_bytes(struct soft *s, unsigned seg, uint64_t off, const void *buf, unsigned len)
{
	uint64_t la;

	assert(len <= 4096);
	if (len ==
	    F80_SIZE) { /* the significand is there when the rest faults: as Intel's CPUs do */
		soft_write(s, seg, off, 8, ld_le64(buf));
		soft_write(s, seg, off + 8, 2, ld_le16((const uint8_t *)buf + 8));
		return;
	}
	la = soft_linear(s, seg, off, len, SOFT_WRITE);
	lin_write(s, la, buf, len, s->cpl);
}

void soft_probe_write(struct soft *s, unsigned seg, uint64_t off, unsigned len)
{
	uint64_t la = soft_linear(s, seg, off, len, SOFT_WRITE);

	check_alignment(s, la, len, s->cpl);
	soft_lin_probe_write(s, la, len, s->cpl);
}

void soft_probe_read(struct soft *s, unsigned seg, uint64_t off, unsigned len)
{
	uint64_t la = soft_linear(s, seg, off, len, SOFT_READ);
	unsigned first = room_in_page(la);

	check_alignment(s, la, len, s->cpl);
	soft_translate(s, la, SOFT_READ, s->cpl);
	if (first < len)
		soft_translate(s, advance(s, la, first), SOFT_READ, s->cpl);
}

void soft_check_aligned(struct soft *s, unsigned seg, uint64_t off, unsigned align)
{
	uint64_t base = s->bits != 64 || seg == X86_FS || seg == X86_GS ? s->seg[seg].base : 0;

	if ((base + off) & (align - 1))
		soft_gp0(s);
}

/* ---- data breakpoints ------------------------------------------------------------------------------ */

/* SDM 3B 17.2.4: R/W and LEN fields of DR7, 4 bits a register from bit 16 on. */
#define DR7_RW_WRITE 1u
#define DR7_RW_IO    2u
#define DR7_RW_BOTH  3u

static void watch(struct soft *s, uint64_t addr, unsigned len, bool write, bool io)
{
	static const uint8_t lens[4] = {1, 2, 8, 4};

	for (unsigned i = 0; i < 4; i++) {
		unsigned ctl = s->dr[7] >> (16 + 4 * i) & 15, rw = ctl & 3, n = lens[ctl >> 2];
		uint64_t at = s->dr[i] & ~(uint64_t)(n - 1);

		if (!(s->dr[7] >> (2 * i) & 3))
			continue;
		if (io ? rw != DR7_RW_IO || !(s->cr4 & SOFT_CR4_DE)
		       : !(rw == DR7_RW_BOTH || (rw == DR7_RW_WRITE && write)))
			continue;
		if (addr - at < n || at - addr < len) {
			s->db_new |= 1ull << i;
			s->events = true;
		}
	}
}

void soft_watch_slow(struct soft *s, uint64_t la, unsigned len, bool write)
{
	if (s->dr7_on)
		watch(s, la, len, write, false);
	for (unsigned i = 0; i < s->nr_wp; i++) {
		const struct soft_watchpoint *w = &s->wp[i];

		if ((write || !w->write) && (la - w->la < w->len || w->la - la < len))
			s->wp_hit |= 1u << i;
	}
}

void soft_watch_io(struct soft *s, uint16_t port, unsigned size)
{
	if (s->dr7_on)
		watch(s, port, size, true, true);
}

/* ---- instruction fetch -------------------------------------------------------------------------------- */

/* Bytes of code at (off) in CS up to the end of the page or of the limit; the first must be there. */
static unsigned fetch_piece(struct soft *s, uint64_t off, uint8_t *buf, unsigned max)
{
	uint64_t la = off, gpa;
	unsigned n;

	if (s->bits == 64) {
		if (!soft_canonical(la))
			soft_gp0(s);
	} else {
		if (off > s->seg[X86_CS].limit)
			soft_gp0(s);
		la = (uint32_t)(s->seg[X86_CS].base + off);
		if (max > s->seg[X86_CS].limit - off + 1)
			max = (unsigned)(s->seg[X86_CS].limit - off + 1);
	}
	gpa = soft_translate(s, la, SOFT_EXEC, s->cpl);
	n = room_in_page(la);
	if (n > max)
		n = max;
	if (gmem_read(s->mem, gpa, buf, n))
		memset(buf, 0xff, n);
	return n;
}

unsigned soft_fetch(struct soft *s, uint8_t *buf)
{
	return fetch_piece(s, s->rip, buf, INSN_MAX);
}

unsigned soft_fetch_rest(struct soft *s, uint8_t *buf, unsigned have)
{
	return have + fetch_piece(s, s->rip + have, buf + have, INSN_MAX - have);
}
