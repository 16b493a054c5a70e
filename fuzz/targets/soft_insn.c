/* SPDX-License-Identifier: MIT */
/*
 * soft_insn: random state and code on the software CPU, by the reference path and, in slices, by the
 * fast one.
 *
 * @modules soft
 *
 * Input: 8 control bytes, patches of the state, patches of memory, code.
 *   0  mode (mod 8): see enum start
 *   1  length of the slices, 0: one
 *   2  bits 0-3: how many patches of the state; 4-6: of memory; 7: single-step by the host
 *   3  when INTR comes up, 4: when an NMI comes; in instructions, 0 never
 *   5  what devices answer, 6: the vector of INTR; 7: bit 0 paging tables may be hit by patches
 *   a patch of the state: a field's number, a byte that picks 8 bytes' worth of values, the value
 *   a patch of memory: 3 bytes of address, 8 bytes
 *
 * Oracles: a run ends within its budget and after exactly so many instructions where it says so; the
 * state at any stop is one that soft_set() takes and gives back unchanged; a refused state changes
 * nothing; both paths stop alike, with the same state, memory and accesses; page tables, tables and
 * code anywhere.
 */
#include <errno.h>
#include <stdlib.h>

#include <vmm/soft.h>

#include "depth.h"
#include "oracle.h"

DEPTH_COUNTERS(refused, retired, faulted, handler, halted, shut_down, fault_loop, pio, mmio, msr,
	       interrupt, nmi, stepped, real, prot16, prot32, paged, longmode, compat, user, v86);

#define RAM	 0x40000u
#define IDT	 0x2000u
#define TABLES	 0x1000u
#define HANDLERS 0x3000u
#define PT	 0x10000u /* PML4, PDPT, PD; 32-bit: the directory */
#define CODE	 0x8000u
#define DATA	 0x20000u
#define STACK	 0x30000u
#define BUDGET	 150u

enum start { REAL, PROT16, PROT32, PAGED, LONG, COMPAT, USER, V86, STARTS };

struct machine {
	struct gmem *mem;
	struct gmem_snap *snap;
	struct soft *soft;
	uint64_t count0, exits;
	uint64_t log; /* hash of what left the CPU */
	uint8_t answer, vector;
};

static struct machine mach[2];

/* ---- the world around ----------------------------------------------------------------------- */

static void note(struct machine *m, uint64_t v)
{
	uint8_t b[8];

	st_le64(b, v);
	m->log = hash64(m->log, b, sizeof(b));
}

static void on_exit_of(void *ctx, struct cpu_exit *e)
{
	struct machine *m = ctx;
	uint8_t *p = e->mmio.data;

	m->exits++;
	note(m, (uint64_t)e->kind << 32 | (soft_icount(m->soft) - m->count0));
	switch (e->kind) {
	case CPU_EXIT_PIO:
		depth_hit(pio);
		FUZZ_ORACLE(e->pio.count == 1 &&
				    (e->pio.size == 1 || e->pio.size == 2 || e->pio.size == 4),
			    "pio", "size %u count %u", e->pio.size, e->pio.count);
		note(m, (uint64_t)e->pio.port << 16 | e->pio.size << 8 | e->pio.write);
		if (e->pio.write)
			note(m, ld_le(e->pio.data, e->pio.size));
		else
			memset(e->pio.data, m->answer, e->pio.size);
		break;
	case CPU_EXIT_MMIO:
		depth_hit(mmio);
		FUZZ_ORACLE(e->mmio.size >= 1 && e->mmio.size <= 8 &&
				    (e->mmio.gpa & 0xfff) + e->mmio.size <= 0x1000,
			    "mmio", "%u bytes at 0x%llx", e->mmio.size,
			    (unsigned long long)e->mmio.gpa);
		note(m, e->mmio.gpa);
		note(m, e->mmio.size << 8 | e->mmio.write);
		if (e->mmio.write)
			note(m, ld_le(p, e->mmio.size));
		else
			memset(p, m->answer, e->mmio.size);
		break;
	case CPU_EXIT_MSR:
		depth_hit(msr);
		note(m, (uint64_t)e->msr.num << 1 | e->msr.write);
		note(m, e->msr.write ? e->msr.val : 0);
		e->msr.fault = m->answer & 1;
		if (!e->msr.write)
			e->msr.val = m->answer;
		break;
	default:
		break;
	}
}

static int on_ack(void *ctx)
{
	struct machine *m = ctx;

	depth_hit(interrupt);
	soft_intr(m->soft, false);
	note(m, soft_icount(m->soft) - m->count0);
	return m->vector;
}

static uint64_t on_now(void *ctx)
{
	const struct machine *m = ctx;

	return soft_icount(m->soft) - m->count0;
}

/* ---- where it starts -------------------------------------------------------------------------- */

static void put(uint64_t gpa, const void *p, size_t n)
{
	for (unsigned i = 0; i < 2; i++)
		FUZZ_ORACLE(!gmem_write(mach[i].mem, gpa, p, n), "setup", "0x%llx",
			    (unsigned long long)gpa);
}

static void put64(uint64_t gpa, uint64_t v)
{
	uint8_t b[8];

	st_le64(b, v);
	put(gpa, b, sizeof(b));
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint16_t attr)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
	       (uint64_t)(attr & 0xff) << 40 | (uint64_t)(limit >> 16 & 15) << 48 |
	       (uint64_t)(attr >> 12 & 15) << 52 | (uint64_t)(base >> 24) << 56;
}

/* null, code32, data, code64, code16, data16, TSS (2), user code32, user data, user code64 */
#define SEL_TSS	    0x30u
#define SEL_UCODE   0x43u
#define SEL_UDATA   0x4bu
#define SEL_UCODE64 0x53u
#define TSS	    0x1800u

static void put_tables(enum start start)
{
	const uint64_t gdt[] = {0,
				descriptor(0, 0xfffff, X86_SEG_CODE32),
				descriptor(0, 0xfffff, X86_SEG_DATA),
				descriptor(0, 0xfffff, X86_SEG_CODE64),
				descriptor(0, 0xffff, X86_SEG_CODE16),
				descriptor(0, 0xffff, X86_SEG_DATA16),
				descriptor(TSS, 0x3ff, 0x8b),
				0,
				descriptor(0, 0xfffff, X86_SEG_CODE32 | 0x60),
				descriptor(0, 0xfffff, X86_SEG_DATA | 0x60),
				descriptor(0, 0xfffff, X86_SEG_CODE64 | 0x60)};
	bool wide = start >= LONG && start <= USER;

	for (unsigned i = 0; i < ARRAY_SIZE(gdt); i++)
		put64(TABLES + 8 * i, gdt[i]);
	for (unsigned v = 0; v < 64; v++) {
		static const uint8_t hlt = 0xf4, iret[] = {0x48, 0xcf};
		uint64_t at = HANDLERS + 16 * v, sel = wide ? X86_SEL_CODE64 : X86_SEL_CODE32;
		uint64_t gate = (at & 0xffff) | sel << 16 | (uint64_t)(v & 1 ? 0xee : 0x8f) << 40;

		/* Half of the handlers come back. */
		if (v & 2)
			put(at, wide ? iret : iret + 1, wide ? 2 : 1);
		else
			put(at, &hlt, 1);
		if (start == REAL)
			put(4 * v, (uint8_t[]){(uint8_t)at, (uint8_t)(at >> 8), 0, 0}, 4);
		put64(IDT + (wide ? 16 : 8) * v, gate);
		if (wide)
			put64(IDT + 16 * v + 8, 0);
	}
	/* SS0:ESP0 and, in long mode, RSP0 at the same place */
	put64(TSS + 4, wide ? STACK : STACK | (uint64_t)X86_SEL_DATA << 32);
	put64(TSS + 102, 0x68);
}

static void put_paging(enum start start)
{
	if (start == PAGED) {
		for (unsigned i = 0; i < 4; i++)
			put64(PT + 8 * i, (0x87 + ((uint64_t)i << 23)) |
						  (0x400087 + ((uint64_t)i << 23)) << 32);
		return;
	}
	put64(PT, (PT + 0x1000) | 7);
	put64(PT + 0x1000, (PT + 0x2000) | 7);
	/* The first 2 MiB in small pages, each the fuzzer's to break; then 4 MiB of nothing. */
	put64(PT + 0x2000, (PT + 0x3000) | 7);
	put64(PT + 0x2008, 0x200087);
	for (unsigned i = 0; i < 512; i++)
		put64(PT + 0x3000 + 8 * i, (uint64_t)i << 12 | 7);
}

static struct x86_seg seg(uint16_t sel, uint64_t base, uint32_t limit, uint16_t attr)
{
	struct x86_seg s;

	memset(&s, 0, sizeof(s));
	s.sel = sel;
	s.base = base;
	s.limit = limit;
	s.attr = attr;
	return s;
}

static void start_state(struct cpu_state *s, enum start start)
{
	static const struct {
		uint16_t code, data, code_attr, data_attr;
		uint32_t limit;
	} segs[STARTS] = {
		[REAL] = {0, 0, X86_SEG_CODE16, X86_SEG_DATA16, 0xffff},
		[PROT16] = {X86_SEL_CODE16, X86_SEL_DATA16, X86_SEG_CODE16, X86_SEG_DATA16, 0xffff},
		[PROT32] = {X86_SEL_CODE32, X86_SEL_DATA, X86_SEG_CODE32, X86_SEG_DATA, UINT32_MAX},
		[PAGED] = {X86_SEL_CODE32, X86_SEL_DATA, X86_SEG_CODE32, X86_SEG_DATA, UINT32_MAX},
		[LONG] = {X86_SEL_CODE64, X86_SEL_DATA, X86_SEG_CODE64, X86_SEG_DATA, UINT32_MAX},
		[COMPAT] = {X86_SEL_CODE32, X86_SEL_DATA, X86_SEG_CODE32, X86_SEG_DATA, UINT32_MAX},
		[USER] = {SEL_UCODE64, SEL_UDATA, X86_SEG_CODE64 | 0x60, X86_SEG_DATA | 0x60,
			  UINT32_MAX},
		[V86] = {0, 0, 0xf3, 0xf3, 0xffff},
	};

	x86_state_reset(s);
	for (unsigned i = 0; i < X86_LDTR; i++)
		s->seg[i] = seg(segs[start].data, 0, segs[start].limit, segs[start].data_attr);
	s->seg[X86_CS] = seg(segs[start].code, 0, segs[start].limit, segs[start].code_attr);
	s->seg[X86_TR] = seg(SEL_TSS, TSS, 0x3ff, X86_SEG_TSS);
	s->gdt = (struct x86_table){TABLES, 11 * 8 - 1};
	s->idt = (struct x86_table){start == REAL ? 0 : IDT, 0x3ff};
	s->cr0 = start == REAL ? X86_CR0_ET : X86_CR0_ET | X86_CR0_PE | X86_CR0_NE;
	s->cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	s->rip = CODE;
	s->rflags = X86_FLAG_FIXED | X86_FLAG_IF;
	for (unsigned i = 0; i < X86_GPRS; i++)
		s->gpr[i] = DATA >> (start == REAL || start == PROT16 || start == V86 ? 4 : 0);
	s->gpr[X86_RSP] = start == REAL || start == PROT16 || start == V86 ? 0xff00 : STACK;
	s->gpr[X86_RCX] = 5;
	if (start == V86)
		s->rflags |= 1ull << 17 | 3ull << 12;
	if (start >= LONG && start <= USER) {
		s->efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE;
		s->cr4 |= X86_CR4_PAE;
	}
	if (start == PAGED)
		s->cr4 |= 1ull << 4;
	if (start >= PAGED && start <= USER) {
		s->cr0 |= X86_CR0_PG | X86_CR0_WP;
		s->cr3 = PT;
	}
}

static unsigned fields(void)
{
	unsigned n = 0;

	while (cpu_state_table.fields[n].name)
		n++;
	return n;
}

/* One element of one field: as it came, or one of its bits the other way. */
static void patch_state(struct cpu_state *s, const uint8_t *p)
{
	const unsigned nr = fields();
	const struct state_field *f = &cpu_state_table.fields[nr ? p[0] % nr : 0];
	uint8_t *at = (uint8_t *)s + f->off + (size_t)(p[1] % f->count) * f->size;
	uint64_t val = ld_le64(p + 2);

	if (f->kind == STATE_BOOL) {
		*(bool *)at = val & 1;
		return;
	}
	if (p[1] & 0x80)
		at[(p[1] & 0x7f) % f->size] ^= (uint8_t)(1u << (val & 7));
	else
		memcpy(at, p + 2, f->size < 8 ? f->size : 8);
}

/* ---- running ---------------------------------------------------------------------------------- */

static void setup(void)
{
	static const uint8_t zero[4096];
	struct err err = {0};

	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = &mach[i];
		struct soft_config cfg = {.seed = 1, .msr_user = 0x4b564d80, .nr_msr_user = 16};

		FUZZ_ORACLE(!gmem_new(&m->mem, &err) && !gmem_add(m->mem, 0, RAM, GMEM_RAM, &err) &&
				    !gmem_add(m->mem, 0x80000, 0x1000, GMEM_ROM, &err),
			    "setup", "%s", err.msg);
		cfg.mem = m->mem;
		cfg.cpuid = x86_cpuid_template("v2", &cfg.nr_cpuid);
		if (!cfg.cpuid)
			cfg.cpuid = x86_cpuid_template("base", &cfg.nr_cpuid);
		cfg.host.ctx = m;
		cfg.host.exit = on_exit_of;
		cfg.host.ack = on_ack;
		cfg.host.now = on_now;
		FUZZ_ORACLE(!gmem_place(m->mem, 0x80000, zero, sizeof(zero)) &&
				    !soft_new(&m->soft, &cfg, &err) &&
				    !gmem_snap(m->mem, &m->snap, &err),
			    "setup", "%s", err.msg);
	}
}

static void get(struct machine *m, struct cpu_state *s)
{
	memset(s, 0, sizeof(*s));
	soft_get(m->soft, s);
}

static void show_field(void *ctx, const char *field, uint32_t index, uint64_t a, uint64_t b)
{
	(void)ctx;
	fprintf(stderr, "  %s[%u]: 0x%llx, 0x%llx\n", field, index, (unsigned long long)a,
		(unsigned long long)b);
}

static void same_states(const struct cpu_state *a, const struct cpu_state *b, const char *name,
			const char *what)
{
	/* Field by field is dear; bytes that are the same need no such look. */
	const uint8_t *pa = (const uint8_t *)a, *pb = (const uint8_t *)b;

	if (!memcmp(pa, pb, sizeof(*a)))
		return;
	FUZZ_ORACLE(!state_diff(&cpu_state_table, a, b, NULL, NULL) ||
			    (state_diff(&cpu_state_table, a, b, show_field, NULL), false),
		    name, "%s", what);
}

/* At any stop: within the budget, the count exact, the state one that can be taken. */
static void check_stop(struct machine *m, enum soft_stop why, uint64_t before, uint64_t asked)
{
	uint64_t ran = soft_icount(m->soft) - before;

	FUZZ_ORACLE(ran <= asked, "budget", "%llu instructions of %llu", (unsigned long long)ran,
		    (unsigned long long)asked);
	if (why == SOFT_STOP_BUDGET)
		FUZZ_ORACLE(ran == asked, "count", "%llu instructions of %llu",
			    (unsigned long long)ran, (unsigned long long)asked);
}

static void check_state(struct machine *m)
{
	struct cpu_state s, again;
	struct err err = {0};

	get(m, &s);
	FUZZ_ORACLE(!soft_set(m->soft, &s, &err), "state", "it does not take its own: %s", err.msg);
	get(m, &again);
	same_states(&s, &again, "round-trip", "set and got");
}

static void count_depth(enum start start, enum soft_stop why, uint64_t ran,
			const struct cpu_state *s)
{
	static const unsigned first = DEPTH_real;

	_Static_assert(DEPTH_v86 - DEPTH_real == STARTS - 1,
		       "counters are in the order of enum start");
	fuzz_depth_counts[first + start]++;
	if (ran)
		depth_hit(retired);
	if (s->rip - HANDLERS < 64 * 16) {
		depth_hit(handler);
		depth_hit(faulted);
	}
	if (why == SOFT_STOP_HLT)
		depth_hit(halted);
	if (why == SOFT_STOP_SHUTDOWN)
		depth_hit(shut_down);
	if (why == SOFT_STOP_FAULTS)
		depth_hit(fault_loop);
}

static void both(const uint8_t *c, enum start start)
{
	uint64_t slice = c[1] ? c[1] : BUDGET, ran = 0;
	enum soft_stop why[2] = {SOFT_STOP_BUDGET, SOFT_STOP_BUDGET};
	struct cpu_state s[2];

	while (ran < BUDGET && why[0] == SOFT_STOP_BUDGET) {
		uint64_t n = slice < BUDGET - ran ? slice : BUDGET - ran;

		/* Slices end where something comes from outside. */
		if (c[3] > ran && c[3] - ran < n)
			n = c[3] - ran;
		if (c[4] > ran && c[4] - ran < n)
			n = c[4] - ran;
		for (unsigned i = 0; i < 2; i++) {
			uint64_t before = soft_icount(mach[i].soft);

			why[i] =
				i ? soft_run(mach[i].soft, n) : soft_run_reference(mach[i].soft, n);
			check_stop(&mach[i], why[i], before, n);
			get(&mach[i], &s[i]);
		}
		FUZZ_ORACLE(why[0] == why[1], "stop",
			    "the reference stops with %d, the fast path with %d", (int)why[0],
			    (int)why[1]);
		same_states(&s[0], &s[1], "state-differs", "reference path, fast path");
		FUZZ_ORACLE(mach[0].log == mach[1].log, "accesses",
			    "%llu by the reference path, %llu by the fast one, or others",
			    (unsigned long long)mach[0].exits, (unsigned long long)mach[1].exits);
		ran = soft_icount(mach[0].soft) - mach[0].count0;
		for (unsigned i = 0; i < 2; i++) {
			if (c[3] && ran == c[3])
				soft_intr(mach[i].soft, true);
			if (c[4] && ran == c[4])
				soft_nmi(mach[i].soft);
		}
		if (c[4] && ran == c[4])
			depth_hit(nmi);
	}
	FUZZ_ORACLE(gmem_hash(mach[0].mem, 0) == gmem_hash(mach[1].mem, 0), "memory",
		    "the two paths leave it in different ways");
	count_depth(start, why[0], ran, &s[0]);
	check_state(&mach[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size, *c = data;
	enum start start;
	struct cpu_state s, old, kept;
	bool ok = true;

	if (size < 9)
		return 0;
	if (!mach[0].mem)
		setup();
	for (unsigned i = 0; i < 2; i++)
		FUZZ_ORACLE(!gmem_restore(mach[i].mem, mach[i].snap), "setup", "restore");
	start = (enum start)(c[0] % STARTS);
	start_state(&s, start);
	put_tables(start);
	if (start >= PAGED && start <= USER)
		put_paging(start);
	data += 8;
	for (unsigned n = c[2] & 15; n && end - data >= 10; n--, data += 10)
		patch_state(&s, data);
	for (unsigned n = c[2] >> 4 & 7; n && end - data >= 11; n--, data += 11)
		put((ld_le16(data) | (uint32_t)data[2] << 16) % (RAM - 8), data + 3, 8);
	if (end - data > 4096)
		end = data + 4096;
	put(CODE, data, (size_t)(end - data));

	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = &mach[i];
		struct err err = {0};

		soft_intr(m->soft, false);
		m->answer = c[5];
		m->vector = c[6];
		m->log = m->exits = 0;
		get(m, &old);
		ok = !soft_set(m->soft, &s, &err);
		if (!ok) {
			FUZZ_ORACLE(err.msg[0], "refused", "without a word");
			get(m, &kept);
			same_states(&old, &kept, "refused", "before and after");
			depth_hit(refused);
			continue;
		}
		soft_debug(m->soft, c[2] & 0x80, NULL, 0);
		m->count0 = soft_icount(m->soft);
	}
	if (c[2] & 0x80)
		depth_hit(stepped);
	if (ok)
		both(c, start);
	return 0;
}
