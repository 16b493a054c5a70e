/* SPDX-License-Identifier: MIT */
/*
 * silicon: a case on struct soft, in a machine that looks to a program as Linux does: long mode, the
 * same selectors, the pages of a case at the same linear addresses, user pages; what the CPU itself
 * needs lies in the upper half. Every vector leads to a HLT of its own, so a fault is a state at a
 * known address with its frame on the stack.
 */
#include <errno.h>
#include <stdlib.h>

#include "../soft_sys.h"
#include "silicon.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

/* Guest-physical. */
enum {
	G_PML4 = 0x0000,
	G_PDPT_LOW = 0x1000,
	G_PD_LOW = 0x2000,
	G_PT_CODE = 0x3000,
	G_PT_DATA = 0x4000,
	G_PDPT_HIGH = 0x5000,
	G_PD_HIGH = 0x6000,
	G_PT_KERNEL = 0x7000,
	G_KERNEL = 0x8000, /* the pages at KERNEL */
	G_CODE = 0x100000,
	G_RW = 0x200000,
	G_RO = 0x208000,
	G_SIZE = 0x210000,
};
#define KERNEL	   0xffffffff80000000ull
#define K_GDT	   (KERNEL + 0x0000)
#define K_LDT	   (KERNEL + 0x1000)
#define K_IDT	   (KERNEL + 0x2000)
#define K_TSS	   (KERNEL + 0x3000)
#define K_HANDLERS (KERNEL + 0x4000)
#define K_STACK	   (KERNEL + 0x5000)
#define K_RSP	   (KERNEL + 0x6000)
#define K_PAGES	   6u

#define SEL_TSS 0x40 /* as Linux has them */
#define SEL_LDT 0x50

#define PTE_P  1ull
#define PTE_W  2ull
#define PTE_U  4ull
#define PTE_NX (1ull << 63)
#define PTE_AD 0x60ull

#define MAX_STEPS 70000u
#define LEAVES	  8

struct sil_model {
	struct soft *s;
	struct gmem *mem;
	const struct sil_shared *sh;
	uint8_t *ram;
	struct cpu_state st; /* at rest */
	struct x86_cpuid cpuid[LEAVES];
	uint64_t took; /* instructions that the reference path took for the last case */
};

static void host_exit(void *ctx, struct cpu_exit *e)
{
	(void)ctx;
	(void)e;
}

static int host_ack(void *ctx)
{
	(void)ctx;
	return -1;
}

static uint64_t host_now(void *ctx)
{
	const struct sil_model *m = ctx;

	return soft_icount(m->s);
}

/* What the host offers, so that both know the same instructions. */
static size_t host_cpuid(struct x86_cpuid *t)
{
	static const struct {
		uint32_t leaf, sub;
		bool has_sub;
	} leaves[LEAVES] = {{0, 0, false},	    {1, 0, false},	   {7, 0, true},
			    {13, 0, true},	    {13, 1, true},	   {0x80000000, 0, false},
			    {0x80000001, 0, false}, {0x80000008, 0, false}};

	for (size_t i = 0; i < LEAVES; i++) {
		t[i] = (struct x86_cpuid){
			.leaf = leaves[i].leaf, .sub = leaves[i].sub, .has_sub = leaves[i].has_sub};
#ifdef __x86_64__
		__get_cpuid_count(t[i].leaf, t[i].sub, &t[i].eax, &t[i].ebx, &t[i].ecx, &t[i].edx);
#endif
	}
	return LEAVES;
}

/* ---- the machine ----------------------------------------------------------------------------------- */

static void put64(struct sil_model *m, uint64_t gpa, uint64_t v)
{
	st_le64(m->ram + gpa, v);
}

static uint8_t *kernel(struct sil_model *m, uint64_t la)
{
	return m->ram + G_KERNEL + (la - KERNEL);
}

static void page_tables(struct sil_model *m)
{
	uint64_t dir = PTE_P | PTE_W | PTE_U | PTE_AD;

	put64(m, G_PML4, G_PDPT_LOW | dir);
	put64(m, G_PDPT_LOW, G_PD_LOW | dir);
	put64(m, G_PD_LOW + (SIL_CODE >> 21) * 8, G_PT_CODE | dir);
	put64(m, G_PD_LOW + (SIL_DATA >> 21) * 8, G_PT_DATA | dir);
	put64(m, G_PML4 + 511 * 8, G_PDPT_HIGH | dir);
	put64(m, G_PDPT_HIGH + 510 * 8, G_PD_HIGH | dir);
	put64(m, G_PD_HIGH, G_PT_KERNEL | dir);
	for (uint64_t i = 0; i < SIL_SLOTS; i++)
		put64(m, G_PT_CODE + i * (SIL_SLOT_SIZE / 0x1000) * 8,
		      (G_CODE + i * 0x1000) | PTE_P | PTE_U | PTE_AD);
	for (uint64_t i = 0; i < SIL_RW_SIZE / 0x1000; i++)
		put64(m, G_PT_DATA + ((SIL_RW - SIL_DATA) / 0x1000 + i) * 8,
		      (G_RW + i * 0x1000) | PTE_P | PTE_W | PTE_U | PTE_AD | PTE_NX);
	put64(m, G_PT_DATA + (SIL_RO - SIL_DATA) / 0x1000 * 8,
	      G_RO | PTE_P | PTE_U | PTE_AD | PTE_NX);
	for (uint64_t i = 0; i < K_PAGES; i++)
		put64(m, G_PT_KERNEL + i * 8, (G_KERNEL + i * 0x1000) | PTE_P | PTE_W | PTE_AD);
}

static void put_descriptor(uint8_t *p, const struct x86_seg *d)
{
	uint32_t limit = d->attr & 0x8000 ? d->limit >> 12 : d->limit;

	st_le64(p, (limit & 0xffff) | (d->base & 0xffffff) << 16 |
			   (uint64_t)(d->attr & 0xf0ff) << 40 | (uint64_t)(limit >> 16 & 15) << 48 |
			   (d->base >> 24 & 0xff) << 56);
}

static void tables(struct sil_model *m)
{
	struct cpu_state *st = &m->st;
	struct x86_seg d;

	for (uint16_t sel = 8; sel < 0x80; sel += 8)
		if (sil_descriptor(sel, &d))
			put_descriptor(kernel(m, K_GDT) + sel, &d);
	d = (struct x86_seg){.base = K_TSS, .limit = 0x67, .attr = X86_SEG_TSS};
	put_descriptor(kernel(m, K_GDT) + SEL_TSS, &d);
	put64(m, (uint64_t)(kernel(m, K_GDT) + SEL_TSS + 8 - m->ram), K_TSS >> 32);
	st->seg[X86_TR] = d;
	st->seg[X86_TR].sel = SEL_TSS;
	d = (struct x86_seg){
		.base = K_LDT, .limit = (SIL_LDT_DATA + SIL_L_NR) * 8 - 1, .attr = X86_SEG_LDT};
	put_descriptor(kernel(m, K_GDT) + SEL_LDT, &d);
	put64(m, (uint64_t)(kernel(m, K_GDT) + SEL_LDT + 8 - m->ram), K_LDT >> 32);
	st->seg[X86_LDTR] = d;
	st->seg[X86_LDTR].sel = SEL_LDT;
	st->gdt = (struct x86_table){.base = K_GDT, .limit = 127};
	for (unsigned i = 0; i < SIL_LDT_DATA + SIL_L_NR; i++)
		if (sil_descriptor(SIL_LDT(i), &d))
			put_descriptor(kernel(m, K_LDT) + (size_t)i * 8, &d);
	for (unsigned v = 0; v < 256; v++) {
		uint8_t *g = kernel(m, K_IDT) + (size_t)v * 16;
		uint64_t at = K_HANDLERS + v;

		/* As Linux does: INT3, INTO and INT 80h are for programs. */
		st_le64(g, (at & 0xffff) | 0x10u << 16 |
				   (uint64_t)(v == 3 || v == 4 || v == 0x80 ? 0xee : 0x8e) << 40 |
				   (at >> 16 & 0xffff) << 48);
		st_le64(g + 8, at >> 32);
		*kernel(m, at) = 0xf4; /* HLT */
	}
	st->idt = (struct x86_table){.base = K_IDT, .limit = 0xfff};
	st_le64(kernel(m, K_TSS) + 4, K_RSP);
	st_le16(kernel(m, K_TSS) + 0x66, 0x68); /* no I/O bitmap */
}

static void at_rest(struct sil_model *m)
{
	struct cpu_state *st = &m->st;

	x86_state_reset(st);
	page_tables(m);
	tables(m);
	st->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |
		  X86_CR0_PG;
	st->cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	st->efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE;
	st->cr3 = G_PML4;
	st->xcr0 = 3;
	sil_descriptor(SIL_CS64, &st->seg[X86_CS]);
	sil_descriptor(SIL_DS, &st->seg[X86_SS]);
	sil_descriptor(SIL_DS, &st->seg[X86_DS]);
	st->seg[X86_FS] = st->seg[X86_GS] = st->seg[X86_ES] = st->seg[X86_DS];
	st->rflags = X86_FLAG_FIXED | X86_FLAG_IF;
}

int sil_model_open(struct sil_model **out, const struct sil_shared *sh, struct err *err)
{
	struct soft_config cfg = {.seed = 1};
	struct sil_model *m = calloc(1, sizeof(*m));
	struct gmem_region r;
	int rc;

	if (!m)
		return err_set(err, -ENOMEM, "silicon: no memory for a model");
	m->sh = sh;
	rc = gmem_new(&m->mem, err);
	if (!rc)
		rc = gmem_add(m->mem, 0, G_SIZE, GMEM_RAM, err);
	if (rc) {
		sil_model_close(m);
		return rc;
	}
	gmem_region(m->mem, 0, &r);
	m->ram = r.host;
	cfg.mem = m->mem;
	cfg.cpuid = m->cpuid;
	cfg.nr_cpuid = host_cpuid(m->cpuid);
	cfg.host = (struct soft_host){m, host_exit, host_ack, host_now};
	rc = soft_new(&m->s, &cfg, err);
	if (!rc) {
		memset(m->ram + G_CODE, SIL_FILL, (size_t)SIL_SLOTS * 0x1000);
		memcpy(m->ram + G_RW, sh->rw, SIL_RW_SIZE);
		memcpy(m->ram + G_RO, sh->ro, SIL_RO_SIZE);
		at_rest(m);
		rc = soft_set(m->s, &m->st, err);
		/* As Linux has it, whichever of these the state's check lets through. */
		m->s->cr4 |= SOFT_CR4_FSGSBASE | SOFT_CR4_OSXSAVE | SOFT_CR4_UMIP | SOFT_CR4_PCE |
			     SOFT_CR4_SMEP | SOFT_CR4_SMAP;
	}
	if (rc) {
		sil_model_close(m);
		return rc;
	}
	*out = m;
	return 0;
}

void sil_model_close(struct sil_model *m)
{
	if (!m)
		return;
	soft_free(m->s);
	gmem_free(m->mem);
	free(m);
}

/* ---- a case ------------------------------------------------------------------------------------------ */

static void load_seg(struct soft *s, unsigned seg, uint16_t sel, uint64_t base64, bool b64)
{
	struct x86_seg d;

	if (!(sel & ~3) || !sil_descriptor(sel, &d))
		d = (struct x86_seg){.sel = sel, .unusable = true};
	if (b64 && !(sel & ~3))
		d.base = base64;
	s->seg[seg] = d;
}

static void load_fpu(struct soft *s, const uint8_t *fx)
{
	struct soft_x87 *f = &s->x87;
	unsigned top;

	f->cw = ld_le16(fx);
	f->sw = ld_le16(fx + 2);
	f->tag = fx[4];
	f->op = ld_le16(fx + 6);
	f->ip = ld_le64(fx + 8);
	f->dp = ld_le64(fx + 16);
	f->cs = f->ds = 0;
	s->mxcsr = ld_le32(fx + 24);
	top = f->sw >> 11 & 7;
	for (unsigned i = 0; i < 8; i++) {
		f->reg[(top + i) & 7].sig = ld_le64(fx + 32 + 16 * (size_t)i);
		f->reg[(top + i) & 7].exp = ld_le16(fx + 40 + 16 * (size_t)i);
	}
	for (unsigned i = 0; i < 16; i++) {
		s->xmm[i].q[0] = ld_le64(fx + 160 + 16 * (size_t)i);
		s->xmm[i].q[1] = ld_le64(fx + 168 + 16 * (size_t)i);
	}
}

static void load(struct sil_model *m, const struct sil_case *c)
{
	struct soft *s = m->s;
	const struct sil_state *in = &c->in;
	bool b64 = c->bits == 64;

	memcpy(s->gpr, in->gpr, sizeof(in->gpr));
	s->rip = s->next_rip = s->insn_rip = in->rip;
	s->rflags = in->rflags;
	s->lazy.on = false;
	load_seg(s, X86_CS, in->cs, 0, b64);
	load_seg(s, X86_SS, in->ss, 0, b64);
	load_seg(s, X86_DS, in->ds, 0, b64);
	load_seg(s, X86_ES, in->es, 0, b64);
	load_seg(s, X86_FS, in->fs, in->fs_base, b64);
	load_seg(s, X86_GS, in->gs, in->gs_base, b64);
	load_fpu(s, in->fx);
	s->cr2 = 0;
	s->halted = s->shutdown = s->reported = s->stop = false;
	s->inject.kind = 0;
	s->faults = 0;
	s->db_pending = s->db_new = 0;
	s->shadow = s->shadow_new = 0;
	s->dr[6] = 0xffff0ff0ull;
	s->events = true;
	soft_mode_changed(s);
}

static void save(struct sil_model *m, struct sil_result *out)
{
	struct soft *s = m->s;
	struct sil_state *o = &out->out;
	struct cpu_state st;

	soft_get(s, &st);
	memcpy(o->gpr, st.gpr, sizeof(o->gpr));
	o->rip = st.rip;
	o->rflags = st.rflags;
	o->cs = st.seg[X86_CS].sel;
	o->ss = st.seg[X86_SS].sel;
	o->ds = st.seg[X86_DS].sel;
	o->es = st.seg[X86_ES].sel;
	o->fs = st.seg[X86_FS].sel;
	o->gs = st.seg[X86_GS].sel;
	o->fs_base = st.seg[X86_FS].base;
	o->gs_base = st.seg[X86_GS].base;
	memcpy(o->fx, st.fpu, sizeof(o->fx));
	out->vector = SIL_OK;
	out->error = 0;
	out->cr2 = st.cr2;
	if (!s->halted)
		return;
	/* The frame: SS, RSP, RFLAGS, CS, RIP, and the error code below. */
	out->vector = (int)(st.rip - 1 - K_HANDLERS);
	o->rip = ld_le64(kernel(m, K_RSP - 40));
	o->cs = (uint16_t)ld_le64(kernel(m, K_RSP - 32));
	o->rflags = ld_le64(kernel(m, K_RSP - 24));
	o->gpr[X86_RSP] = ld_le64(kernel(m, K_RSP - 16));
	o->ss = (uint16_t)ld_le64(kernel(m, K_RSP - 8));
	if (st.gpr[X86_RSP] == K_RSP - 48)
		out->error = (uint32_t)ld_le64(kernel(m, K_RSP - 48));
}

static void take_memory(struct sil_model *m, struct sil_result *r)
{
	uint8_t *mem = m->ram + G_RW;

	r->nr_lines = 0;
	for (unsigned page = 0; page < SIL_RW_SIZE; page += 0x1000) {
		if (!memcmp(mem + page, m->sh->rw + page, 0x1000))
			continue;
		for (unsigned off = page; off < page + 0x1000; off += SIL_LINE) {
			if (!memcmp(mem + off, m->sh->rw + off, SIL_LINE))
				continue;
			if (r->nr_lines < SIL_KEEP) {
				r->line[r->nr_lines] = (uint16_t)(off / SIL_LINE);
				memcpy(r->bytes[r->nr_lines], mem + off, SIL_LINE);
			}
			r->nr_lines++;
			memcpy(mem + off, m->sh->rw + off, SIL_LINE);
		}
	}
}

static bool at_end(const struct soft *s, const struct sil_case *c)
{
	uint64_t end = c->in.rip + c->code_len;

	if (c->bits == 16)
		end &= 0xffff;
	return c->exit_len && s->rip == end && s->seg[X86_CS].sel == c->in.cs && !s->db_pending;
}

static bool run_reference(struct soft *s, const struct sil_case *c)
{
	for (unsigned n = 0; n < MAX_STEPS; n++) {
		enum soft_stop why = soft_run_reference(s, 1);

		if (why == SOFT_STOP_SHUTDOWN || why == SOFT_STOP_FAULTS)
			return false;
		if (s->halted || at_end(s, c))
			return true;
	}
	return false;
}

void sil_model_run(struct sil_model *m, const struct sil_case *c, struct sil_result *out, bool fast)
{
	uint64_t gpa = G_CODE + (uint64_t)c->slot * 0x1000 + c->code_off, before;
	uint8_t fill[SIL_CODE_MAX + SIL_EXIT_MAX];
	unsigned len = c->code_len + c->exit_len;
	bool ok = true;

	/* The way out is never run here, but may be read as data. */
	gmem_write(m->mem, gpa, c->code, len);
	for (unsigned k = 0; k < c->nr_patches; k++)
		memcpy(m->ram + G_RW + c->patch[k].off, c->patch[k].bytes, c->patch[k].len);
	load(m, c);
	before = soft_icount(m->s);
	if (fast)
		ok = soft_run(m->s, m->took) != SOFT_STOP_SHUTDOWN;
	else
		ok = run_reference(m->s, c);
	if (!fast)
		m->took = soft_icount(m->s) - before;
	save(m, out);
	if (!ok)
		out->vector = SIL_TIMEOUT;
	take_memory(m, out);
	memset(fill, SIL_FILL, sizeof(fill));
	gmem_write(m->mem, gpa, fill, len);
}
