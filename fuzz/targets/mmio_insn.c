/* SPDX-License-Identifier: MIT */
/*
 * mmio_insn: the bytes of instructions and a state to the accesses that they make outside of RAM:
 * with fuzz/targets/mmio.c the two halves of the MMIO decoder. The input: fuzz/engine/insn_world.h.
 *
 * @modules cpu bus
 *
 * Oracles: every access has 1 to 8 bytes, in one page, none of them RAM; what one instruction
 * accesses lies in its operands, or near its stack; a plain instruction reads all of its operand that
 * is a device's once, upwards, and then writes it so; the reference path and the fast one make the
 * same accesses, in order, with the same values, and leave the same state and memory; through a bus
 * each access becomes the pieces that its rules promise. In a replay program with VISE_KVM=1 and a
 * usable /dev/kvm, KVM's emulator makes the same accesses too where an input is of plain instructions.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <vmm/bus.h>
#include <vmm/cpu.h>
#include <vmm/insn.h>
#include <vmm/soft.h>

#include "depth.h"
#include "insn_world.h"
#include "oracle.h"

DEPTH_COUNTERS(real, prot, longmode, user, mmio_read, mmio_write, port_in, port_out, read_modify,
	       plain, wide, cut_at_page, ram_and_device, string, rep, faulted, several, by_stack,
	       bus_cut, bus_unmapped, bus_partly);

#define BUDGET	 48u
#define ACCESSES 512u /* kept of one path; BUDGET instructions of 512 bytes would make more */

struct access {
	uint64_t gpa, val;
	uint8_t kind, size, write;
};

struct machine {
	struct gmem *mem;
	struct gmem_snap *snap;
	struct soft *soft;
	unsigned n; /* accesses; those from ACCESSES on are in the hash alone */
	uint64_t hash;
	bool over;
	struct access a[ACCESSES];
};

static struct machine mach[2];
static struct bus *bus;
static uint8_t answer;
static struct cpu_state made[INSN_MODES]; /* where each mode starts */

static struct {
	unsigned n;
	struct {
		uint64_t off, val;
		unsigned size;
	} piece[8];
} pieces;

/* ---- devices ---------------------------------------------------------------------------------- */

/* What device memory reads as: of the address alone, so that no order of reads matters. */
static uint8_t device_byte(uint64_t gpa)
{
	return (uint8_t)(answer ^ (gpa * 0x9d) ^ gpa >> 9);
}

static void record(struct machine *m, const struct access *a)
{
	m->hash = (m->hash ^ a->gpa) * 0x100000001b3ull;
	m->hash = (m->hash ^ a->val ^ (uint64_t)a->size << 56 ^ (uint64_t)a->write << 48 ^
		   (uint64_t)a->kind << 40) *
		  0x100000001b3ull;
	if (m->n < ACCESSES)
		m->a[m->n] = *a;
	else
		m->over = true;
	m->n++;
}

static void on_exit_of(void *ctx, struct cpu_exit *e)
{
	struct machine *m = ctx;
	struct access a = {.kind = (uint8_t)e->kind};

	switch (e->kind) {
	case CPU_EXIT_PIO:
		FUZZ_ORACLE(e->pio.count == 1 &&
				    (e->pio.size == 1 || e->pio.size == 2 || e->pio.size == 4),
			    "pio", "size %u count %u", e->pio.size, e->pio.count);
		a.gpa = e->pio.port;
		a.size = e->pio.size;
		a.write = e->pio.write;
		if (!a.write)
			memset(e->pio.data, answer, a.size);
		a.val = ld_le(e->pio.data, a.size);
		break;
	case CPU_EXIT_MMIO:
		a.gpa = e->mmio.gpa;
		a.size = e->mmio.size;
		a.write = e->mmio.write;
		FUZZ_ORACLE(a.size >= 1 && a.size <= 8 && (a.gpa & 0xfff) + a.size <= 0x1000,
			    "mmio", "%u bytes at %#llx", a.size, (unsigned long long)a.gpa);
		for (unsigned i = 0; i < a.size && !a.write; i++)
			e->mmio.data[i] = device_byte(a.gpa + i);
		FUZZ_ORACLE(!gmem_ro(m->mem, a.gpa, 1) && !gmem_ro(m->mem, a.gpa + a.size - 1, 1),
			    "mmio-ram", "%u bytes at %#llx are in RAM", a.size,
			    (unsigned long long)a.gpa);
		for (unsigned i = 0; i < a.size; i++)
			a.val |= (uint64_t)e->mmio.data[i] << 8 * i;
		break;
	case CPU_EXIT_MSR:
		e->msr.fault = true;
		return;
	default:
		return;
	}
	record(m, &a);
}

static int on_ack(void *ctx)
{
	(void)ctx;
	return -1;
}

static uint64_t on_now(void *ctx)
{
	(void)ctx;
	return 0;
}

/* ---- the bus ---------------------------------------------------------------------------------- */

static void note_piece(uint64_t off, unsigned size, uint64_t val)
{
	FUZZ_ORACLE(pieces.n < ARRAY_SIZE(pieces.piece), "bus-pieces", "more than eight");
	pieces.piece[pieces.n].off = off;
	pieces.piece[pieces.n].size = size;
	pieces.piece[pieces.n++].val = val;
}

static uint64_t range_read(void *ctx, uint64_t off, unsigned size)
{
	uint64_t v = 0;

	(void)ctx;
	note_piece(off, size, 0);
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)device_byte(INSN_BUS_BASE + off + i) << 8 * i;
	return v;
}

static void range_write(void *ctx, uint64_t off, unsigned size, uint64_t val)
{
	(void)ctx;
	note_piece(off, size, val);
}

static const struct bus_ops range_ops = {range_read, range_write};

/* One access of the CPU through the bus: what the range is asked for, and what comes back. */
static void through_bus(const struct access *a)
{
	uint64_t want = 0, val = ~0ull, at = 0, mapped = 0;
	int rc;

	if (a->kind != CPU_EXIT_MMIO)
		return;
	pieces.n = 0;
	if (a->write)
		rc = bus_write(bus, BUS_MMIO, a->gpa, a->size, a->val);
	else
		rc = bus_read(bus, BUS_MMIO, a->gpa, a->size, &val);
	for (unsigned i = 0; i < a->size; i++) {
		bool in = a->gpa + i - INSN_BUS_BASE < INSN_BUS_LEN;

		mapped += in;
		want |= (uint64_t)(in ? device_byte(a->gpa + i) : 0xff) << 8 * i;
	}
	FUZZ_ORACLE(!rc == (mapped > 0), "bus-mapped", "%d with %llu of %u bytes mapped", rc,
		    (unsigned long long)mapped, a->size);
	FUZZ_ORACLE(a->write || val == want, "bus-value", "%#llx, not %#llx",
		    (unsigned long long)val, (unsigned long long)want);
	/* Upwards, without a gap, of allowed sizes, each within the range. */
	for (unsigned i = 0; i < pieces.n; i++) {
		uint64_t gpa = INSN_BUS_BASE + pieces.piece[i].off;
		unsigned size = pieces.piece[i].size;

		FUZZ_ORACLE((size == 1 || size == 2 || size == 4 || size == 8) &&
				    pieces.piece[i].off + size <= INSN_BUS_LEN &&
				    gpa - a->gpa < a->size && gpa + size - a->gpa <= a->size &&
				    (!i || gpa == at),
			    "bus-piece", "%u bytes at %#llx of %u at %#llx", size,
			    (unsigned long long)gpa, a->size, (unsigned long long)a->gpa);
		FUZZ_ORACLE(!a->write || pieces.piece[i].val ==
						 (a->val >> 8 * (gpa - a->gpa) &
						  (size == 8 ? ~0ull : (1ull << 8 * size) - 1)),
			    "bus-write", "%#llx of %#llx", (unsigned long long)pieces.piece[i].val,
			    (unsigned long long)a->val);
		at = gpa + size;
		mapped -= size;
	}
	FUZZ_ORACLE(mapped == 0, "bus-bytes", "%llu mapped bytes were left out",
		    (unsigned long long)mapped);
	if (pieces.n > 1)
		depth_hit(bus_cut);
	if (!pieces.n)
		depth_hit(bus_unmapped);
	else if (at - a->gpa != a->size || INSN_BUS_BASE > a->gpa)
		depth_hit(bus_partly);
}

/* ---- one instruction --------------------------------------------------------------------------- */

/* Their one memory operand is read, written, or read and then written, whole and once. */
static bool is_plain(const struct insn *i)
{
	switch (i->op) {
	case INSN_MOV:
	case INSN_MOVZX:
	case INSN_MOVSX:
	case INSN_MOVSXD:
	case INSN_ADD:
	case INSN_SUB:
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
	case INSN_CMP:
	case INSN_TEST:
	case INSN_INC:
	case INSN_DEC:
	case INSN_NEG:
	case INSN_NOT:
	case INSN_XCHG:
	case INSN_XADD:
	case INSN_IMUL:
	case INSN_MUL:
	case INSN_SHL:
	case INSN_SHR:
	case INSN_SAR:
	case INSN_MOVAPS:
	case INSN_MOVUPS:
	case INSN_MOVDQA:
	case INSN_MOVDQU:
		break;
	default:
		return false;
	}
	for (unsigned k = 0; k < i->nr; k++)
		if (i->o[k].kind == INSN_REG && i->o[k].cls != INSN_GPR &&
		    i->o[k].cls != INSN_GPRH && i->o[k].cls != INSN_XMM)
			return false;
	return true;
}

/* The linear address of a memory operand before the instruction (RIP is at it). */
static uint64_t linear(const struct cpu_state *s, const struct insn *i,
		       const struct insn_operand *o)
{
	uint64_t ea = (uint64_t)o->disp;

	if (o->base == INSN_RIP)
		ea += s->rip + i->len;
	else if (o->base != INSN_NO_REG)
		ea += s->gpr[o->base];
	if (o->index != INSN_NO_REG)
		ea += s->gpr[o->index] * o->scale;
	ea &= i->addrsize == 8 ? ~0ull : i->addrsize == 4 ? 0xffffffffull : 0xffffull;
	if (i->bits == 64)
		return ea + (o->seg >= X86_FS ? s->seg[o->seg].base : 0);
	return (uint32_t)(ea + s->seg[o->seg].base);
}

/* Is the byte at (gpa) one that linear [la, la + len) goes to? */
static bool within(struct gmem *mem, const struct cpu_state *s, uint64_t la, uint64_t len,
		   uint64_t gpa)
{
	for (uint64_t at = la, n; at < la + len; at += n) {
		uint64_t base;

		n = 4096 - (at & 4095);
		if (n > la + len - at)
			n = la + len - at;
		if (!x86_translate(mem, s, at, &base) && gpa - base < n)
			return true;
	}
	return false;
}

/* How many of the bytes of linear [la, la + len) are a device's. */
static unsigned device_bytes(struct machine *m, const struct cpu_state *s, uint64_t la,
			     unsigned len)
{
	unsigned n = 0;
	uint64_t gpa;

	for (unsigned i = 0; i < len; i++)
		if (!x86_translate(m->mem, s, la + i, &gpa) && !gmem_ro(m->mem, gpa, 1))
			n++;
	return n;
}

/* Reads come first and then writes; each, where there is any, takes all (bytes) once, upwards. */
static void check_plain(const struct machine *m, unsigned from, unsigned bytes)
{
	unsigned count[2] = {0};

	for (unsigned k = from; k < m->n; k++) {
		const struct access *a = &m->a[k], *p = k > from ? &m->a[k - 1] : NULL;

		FUZZ_ORACLE(!p || p->write <= a->write, "plain-order", "a read behind a write");
		FUZZ_ORACLE(!p || p->write != a->write || p->gpa + p->size == a->gpa ||
				    (a->gpa & 0xfff) == 0 || ((p->gpa + p->size) & 0xfff) == 0,
			    "plain-gap", "%#llx behind %u at %#llx", (unsigned long long)a->gpa,
			    p ? p->size : 0, p ? (unsigned long long)p->gpa : 0);
		/* As few as can be: 8 bytes at once but at a border. */
		FUZZ_ORACLE(!p || p->write != a->write || p->gpa + p->size != a->gpa ||
				    (a->gpa & 0xfff) == 0 || p->size == 8,
			    "plain-cut", "%u bytes at %#llx, then %u more", p ? p->size : 0,
			    p ? (unsigned long long)p->gpa : 0, a->size);
		count[a->write] += a->size;
	}
	for (unsigned w = 0; w < 2; w++)
		FUZZ_ORACLE(!count[w] || count[w] == bytes, "plain-bytes", "%u %s of %u", count[w],
			    w ? "written" : "read", bytes);
	if (count[0] && count[1])
		depth_hit(read_modify);
	if (m->n > from)
		depth_hit(plain);
}

static void count_accesses(const struct machine *m, unsigned from)
{
	for (unsigned k = from; k < m->n; k++) {
		const struct access *a = &m->a[k];

		if (a->kind == CPU_EXIT_PIO)
			fuzz_depth_counts[a->write ? DEPTH_port_out : DEPTH_port_in]++;
		else
			fuzz_depth_counts[a->write ? DEPTH_mmio_write : DEPTH_mmio_read]++;
		if (k > from && (a->gpa & 0xfff) == 0 && a[-1].write == a->write)
			depth_hit(cut_at_page);
	}
}

/* What the instruction at (s) accessed: accesses [from, m->n). (done): it did not fault. */
static void check_insn(struct machine *m, const struct cpu_state *s, unsigned from, bool done)
{
	uint8_t bytes[INSN_MAX];
	const struct insn_operand *o = NULL;
	struct insn i;
	unsigned n;
	uint64_t la = 0, pc = s->rip + (x86_code_bits(s) == 64 ? 0 : s->seg[X86_CS].base), gpa;

	if (m->over || x86_translate(m->mem, s, pc, &gpa) ||
	    gmem_read(m->mem, gpa, bytes, sizeof(bytes)) ||
	    insn_decode(bytes, sizeof(bytes), x86_code_bits(s), &i) <= 0)
		return;
	for (unsigned k = 0; k < i.nr; k++)
		if (i.o[k].kind == INSN_MEM)
			o = &i.o[k];
	if (m->n > from)
		count_accesses(m, from);
	if (i.flags & (INSN_F_REP | INSN_F_REPNE) && m->n > from)
		depth_hit(rep);
	if (!o || !o->size || !is_plain(&i)) {
		if (i.op == INSN_MOVSB || i.op == INSN_STOSB || i.op == INSN_MOVSD ||
		    i.op == INSN_STOSD)
			fuzz_depth_counts[DEPTH_string] += m->n > from;
		if ((i.op == INSN_PUSH || i.op == INSN_POP) && m->n > from)
			depth_hit(by_stack);
		return;
	}
	/* One that faults leaves what its delivery stores: the stack may be a device's. */
	if (!done)
		return;
	la = linear(s, &i, o);
	for (unsigned k = from; k < m->n; k++)
		FUZZ_ORACLE(m->a[k].kind == CPU_EXIT_MMIO &&
				    within(m->mem, s, la, o->size, m->a[k].gpa) &&
				    within(m->mem, s, la, o->size, m->a[k].gpa + m->a[k].size - 1),
			    "operand", "%s: %u bytes at %#llx, the operand is %u at linear %#llx",
			    insn_op_name(i.op), m->a[k].size, (unsigned long long)m->a[k].gpa,
			    o->size, (unsigned long long)la);
	if (o->size > 8 && m->n > from)
		depth_hit(wide);
	n = device_bytes(m, s, la, o->size);
	FUZZ_ORACLE(m->n > from || !n, "no-access", "%s: %u bytes of its operand are a device's",
		    insn_op_name(i.op), n);
	if (n && n < o->size)
		depth_hit(ram_and_device);
	check_plain(m, from, n);
}

/* ---- the world ---------------------------------------------------------------------------------- */

static void put(uint64_t gpa, const void *p, size_t n)
{
	for (unsigned i = 0; i < 2; i++)
		FUZZ_ORACLE(!gmem_write(mach[i].mem, gpa, p, n), "set-up", "%#llx",
			    (unsigned long long)gpa);
}

static void put64(uint64_t gpa, uint64_t v)
{
	uint8_t b[8];

	st_le64(b, v);
	put(gpa, b, 8);
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint16_t attr)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
	       (uint64_t)(attr & 0xff) << 40 | (uint64_t)(limit >> 16 & 15) << 48 |
	       (uint64_t)(attr >> 12 & 15) << 52 | (uint64_t)(base >> 24) << 56;
}

#define SEL_UCODE64 0x43u
#define SEL_UDATA   0x4bu

/* Tables for all modes at once: 32-bit gates and 16-byte ones lie behind each other. */
static void put_world(void)
{
	const uint64_t gdt[] = {0,
				descriptor(0, 0xfffff, X86_SEG_CODE32),
				descriptor(0, 0xfffff, X86_SEG_DATA),
				descriptor(0, 0xfffff, X86_SEG_CODE64),
				descriptor(0, 0xffff, X86_SEG_CODE16),
				descriptor(0, 0xffff, X86_SEG_DATA16),
				descriptor(INSN_TSS, 0x67, X86_SEG_TSS),
				0,
				descriptor(0, 0xfffff, X86_SEG_CODE64 | 0x60),
				descriptor(0, 0xfffff, X86_SEG_DATA | 0x60)};
	static const uint8_t hlt[16] = {0xf4, 0xf4};

	for (unsigned i = 0; i < ARRAY_SIZE(gdt); i++)
		put64(INSN_GDT + 8 * i, gdt[i]);
	for (unsigned v = 0; v < 32; v++) {
		put(4 * v, (uint8_t[]){INSN_HLT & 0xff, INSN_HLT >> 8, 0, 0}, 4);
		put64(INSN_IDT + 8 * v,
		      (INSN_HLT & 0xffff) | (uint64_t)X86_SEL_CODE32 << 16 | 0x8e0000000000ull);
		put64(INSN_IDT + 0x100 + 16 * v,
		      (INSN_HLT & 0xffff) | (uint64_t)X86_SEL_CODE64 << 16 | 0x8e0000000000ull);
	}
	put(INSN_HLT, hlt, sizeof(hlt));
	put64(INSN_TSS + 4, INSN_STACK);
	put64(INSN_PT, (INSN_PT + 0x1000) | 7);
	put64(INSN_PT + 0x1000, (INSN_PT + 0x2000) | 7);
	put64(INSN_PT + 0x2000, (INSN_PT + 0x3000) | 7);
	for (unsigned i = 0; i < 512; i++)
		put64(INSN_PT + 0x3000 + 8 * i, (uint64_t)i << 12 | 7);
#define MAP(va, pa) put64(INSN_PT + 0x3000 + 8 * ((va) >> 12), (pa))
	MAP(INSN_V_RAM, 0x9000 | 7);
	MAP(INSN_V_DEV, INSN_P_DEV | 7);
	MAP(INSN_V_DEV2, INSN_P_DEV2 | 7);
	MAP(INSN_V_RAM2, 0xb000 | 7);
	MAP(INSN_V_ABSENT, 0);
	MAP(INSN_V_RO, INSN_P_DEV | 5);
#undef MAP
}

static struct x86_seg flat(uint16_t sel, uint32_t limit, uint16_t attr)
{
	struct x86_seg s;

	memset(&s, 0, sizeof(s));
	s.sel = sel;
	s.limit = limit;
	s.attr = attr;
	return s;
}

static void start_state(struct cpu_state *s, enum insn_mode mode)
{
	static const struct {
		uint16_t code, data, code_attr, data_attr;
	} segs[INSN_MODES] = {
		[INSN_M_REAL] = {0, 0, X86_SEG_CODE16, X86_SEG_DATA16},
		[INSN_M_PROT] = {X86_SEL_CODE32, X86_SEL_DATA, X86_SEG_CODE32, X86_SEG_DATA},
		[INSN_M_LONG] = {X86_SEL_CODE64, X86_SEL_DATA, X86_SEG_CODE64, X86_SEG_DATA},
		[INSN_M_USER] = {SEL_UCODE64, SEL_UDATA, X86_SEG_CODE64 | 0x60,
				 X86_SEG_DATA | 0x60},
	};
	uint32_t limit = mode == INSN_M_REAL ? 0xffff : UINT32_MAX;

	x86_state_reset(s);
	for (unsigned i = 0; i < X86_LDTR; i++)
		s->seg[i] = flat(segs[mode].data, limit, segs[mode].data_attr);
	s->seg[X86_CS] = flat(segs[mode].code, limit, segs[mode].code_attr);
	s->seg[X86_TR] = flat(X86_SEL_TSS, 0x67, X86_SEG_TSS);
	s->seg[X86_TR].base = INSN_TSS;
	s->gdt = (struct x86_table){INSN_GDT, 10 * 8 - 1};
	s->idt = (struct x86_table){INSN_IDT, 0xff};
	s->cr0 = X86_CR0_ET | X86_CR0_NE | (mode == INSN_M_REAL ? 0 : X86_CR0_PE);
	s->cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	s->rip = INSN_AT;
	if (mode == INSN_M_REAL) {
		s->idt = (struct x86_table){0, 0x3ff};
		/* GS and FS reach the devices' memory at 0xa0000 and 0xb8000. */
		s->seg[X86_FS].sel = 0xa000;
		s->seg[X86_FS].base = 0xa0000;
		s->seg[X86_GS].sel = 0xb800;
		s->seg[X86_GS].base = 0xb8000;
		s->seg[X86_ES].sel = 0x1000;
		s->seg[X86_ES].base = 0x10000;
	}
	if (mode >= INSN_M_LONG) {
		s->idt = (struct x86_table){INSN_IDT + 0x100, 0x1ff};
		s->efer = X86_EFER_LME | X86_EFER_LMA;
		s->cr0 |= X86_CR0_PG | X86_CR0_WP;
		s->cr4 |= X86_CR4_PAE;
		s->cr3 = INSN_PT;
	}
}

static void set_up(void)
{
	struct err err = {0};

	bus = bus_new(NULL);
	FUZZ_ORACLE(bus && bus_add(bus, BUS_MMIO, INSN_BUS_BASE, INSN_BUS_LEN, &range_ops, NULL,
				   &err) >= 0,
		    "set-up", "%s", err.msg);
	for (unsigned i = 0; i < 2; i++) {
		FUZZ_ORACLE(!gmem_new(&mach[i].mem, &err) &&
				    !gmem_add(mach[i].mem, 0, INSN_RAM, GMEM_RAM, &err),
			    "set-up", "%s", err.msg);
	}
	put_world();
	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = &mach[i];
		struct soft_config cfg = {
			.mem = m->mem, .seed = 1, .host = {m, on_exit_of, on_ack, on_now}};

		cfg.cpuid = x86_cpuid_template("v2", &cfg.nr_cpuid);
		FUZZ_ORACLE(!soft_new(&m->soft, &cfg, &err) && !gmem_snap(m->mem, &m->snap, &err),
			    "set-up", "%s", err.msg);
	}
	for (unsigned i = 0; i < INSN_MODES; i++)
		start_state(&made[i], (enum insn_mode)i);
}

static uint64_t place(uint8_t b, enum insn_mode mode)
{
	static const uint32_t places[16] = {INSN_PLACES};
	uint64_t at = places[b >> 4] - 8ull + (b & 15);

	return mode == INSN_M_REAL ? at & 0xffff : at;
}

static void state_of(struct cpu_state *s, const uint8_t *h)
{
	enum insn_mode mode = (enum insn_mode)(h[0] % INSN_MODES);
	uint64_t val = h[7] * 0x0102040810204081ull;

	*s = made[mode];
	s->rflags = X86_FLAG_FIXED | (h[0] & 4 ? X86_FLAG_DF : 0) | (h[0] & 8 ? X86_FLAG_CF : 0) |
		    (h[0] & 16 ? X86_FLAG_ZF : 0);
	for (unsigned i = X86_R8; i < X86_GPRS; i++)
		s->gpr[i] = val + i;
	s->gpr[X86_RAX] = s->gpr[X86_R8] = val;
	s->gpr[X86_RDX] = ~val;
	s->gpr[X86_RCX] = h[2] < 0xf0 ? h[2] : 64u * (h[2] & 15);
	s->gpr[X86_RSI] = s->gpr[X86_RBX] = place(h[3], mode);
	s->gpr[X86_RDI] = place(h[4], mode);
	s->gpr[X86_RBP] = place(h[5], mode);
	s->gpr[X86_RSP] = h[6] ? place(h[6], mode) : INSN_STACK;
	for (unsigned i = 0; i < 8 * 16; i++)
		s->fpu[160 + i] = (uint8_t)(h[7] + 3 * i);
}

/* ---- both paths ------------------------------------------------------------------------------- */

static void show_field(void *ctx, const char *field, uint32_t index, uint64_t a, uint64_t b)
{
	(void)ctx;
	fprintf(stderr, "  %s[%u]: 0x%llx, 0x%llx\n", field, index, (unsigned long long)a,
		(unsigned long long)b);
}

static void same_accesses(const struct machine *a, const struct machine *b, const char *who)
{
	unsigned n = a->n < b->n ? a->n : b->n;

	for (unsigned i = 0; i < n && i < ACCESSES; i++) {
		const struct access *p = &a->a[i], *q = &b->a[i];

		FUZZ_ORACLE(p->kind == q->kind && p->gpa == q->gpa && p->size == q->size &&
				    p->write == q->write && p->val == q->val,
			    "accesses",
			    "the %u-th is %s %u at %#llx = %#llx; %s: %s %u at %#llx = %#llx", i,
			    p->write ? "write" : "read", p->size, (unsigned long long)p->gpa,
			    (unsigned long long)p->val, who, q->write ? "write" : "read", q->size,
			    (unsigned long long)q->gpa, (unsigned long long)q->val);
	}
	FUZZ_ORACLE(a->n == b->n && a->hash == b->hash, "accesses", "%u in all; %s: %u", a->n, who,
		    b->n);
}

static void same_page(void *ctx, uint64_t gpa)
{
	struct machine *other = ctx;
	struct machine *m = other == &mach[0] ? &mach[1] : &mach[0];

	FUZZ_ORACLE(!memcmp(gmem_ro(m->mem, gpa, GMEM_PAGE), gmem_ro(other->mem, gpa, GMEM_PAGE),
			    GMEM_PAGE),
		    "memory", "page %#llx: the two paths leave it in different ways",
		    (unsigned long long)gpa);
}

/* One at a time, each judged; the number that retired. */
static uint64_t reference(enum soft_stop *why)
{
	struct machine *m = &mach[0];
	uint64_t first = soft_icount(m->soft), at = first;
	struct cpu_state s;

	memset(&s, 0, sizeof(s));
	do {
		unsigned from = m->n;

		soft_get(m->soft, &s);
		*why = soft_run_reference(m->soft, 1);
		/* A fault's first instruction is counted with it: not judged as done. */
		if (s.rip - INSN_HLT >= 16) {
			struct cpu_state now;
			bool done;

			soft_get(m->soft, &now);
			done = now.rip - INSN_HLT >= 16 && soft_icount(m->soft) == at + 1;
			check_insn(m, &s, from, done);
			if (!done && now.rip - INSN_HLT < 16)
				depth_hit(faulted);
		}
		at = soft_icount(m->soft);
	} while (*why == SOFT_STOP_BUDGET && at - first < BUDGET);
	if (at - first > 2)
		depth_hit(several);
	return at - first;
}

#ifndef VISE_FUZZ
static void by_kvm(const struct cpu_state *start, const uint8_t *code, size_t len);
#endif

static void one(const struct cpu_state *s, const uint8_t *code, size_t len)
{
	enum soft_stop why[2];
	struct cpu_state end[2];
	const void *pa = &end[0], *pb = &end[1]; /* as bytes: both are zeroed whole first */
	uint64_t ran, before;

	ran = reference(&why[0]);
	before = soft_icount(mach[1].soft);
	why[1] = soft_run(mach[1].soft, BUDGET);
	FUZZ_ORACLE(why[0] == why[1] && ran == soft_icount(mach[1].soft) - before, "stop",
		    "the reference: %d after %llu; the fast path: %d after %llu", (int)why[0],
		    (unsigned long long)ran, (int)why[1],
		    (unsigned long long)(soft_icount(mach[1].soft) - before));
	same_accesses(&mach[0], &mach[1], "the fast path");
	memset(end, 0, sizeof(end));
	for (unsigned i = 0; i < 2; i++)
		soft_get(mach[i].soft, &end[i]);
	FUZZ_ORACLE(
		!memcmp(pa, pb, sizeof(end[0])) ||
			!state_diff(&cpu_state_table, &end[0], &end[1], NULL, NULL) ||
			(state_diff(&cpu_state_table, &end[0], &end[1], show_field, NULL), false),
		"state", "reference path, fast path");
	gmem_dirty_each(mach[0].mem, same_page, &mach[0]);
	gmem_dirty_each(mach[1].mem, same_page, &mach[1]);
	for (unsigned i = 0; i < mach[0].n && i < ACCESSES; i++)
		through_bus(&mach[0].a[i]);
#ifndef VISE_FUZZ
	if (why[0] == SOFT_STOP_HLT)
		by_kvm(s, code, len);
#else
	(void)s;
	(void)code;
	(void)len;
#endif
}

#ifndef VISE_FUZZ
#include "insn_kvm.h"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t code[INSN_CODE + 16];
	struct cpu_state s;
	size_t len;

	if (size <= INSN_HEAD)
		return 0;
	if (!bus)
		set_up();
	len = size - INSN_HEAD < INSN_CODE ? size - INSN_HEAD : INSN_CODE;
	memcpy(code, data + INSN_HEAD, len);
	memset(code + len, 0xf4, 16);
	answer = data[1];
	fuzz_depth_counts[DEPTH_real + data[0] % INSN_MODES]++;
	state_of(&s, data);
	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = &mach[i];
		struct err err = {0};

		FUZZ_ORACLE(!gmem_restore(m->mem, m->snap) &&
				    !gmem_write(m->mem, INSN_AT, code, len + 16),
			    "set-up", "memory");
		m->n = 0;
		m->hash = 0;
		m->over = false;
		FUZZ_ORACLE(!soft_set(m->soft, &s, &err), "set-up", "%s", err.msg);
	}
	one(&s, code, len);
	return 0;
}
