/* SPDX-License-Identifier: MIT */
/* soft: making one, its state from and to struct cpu_state, the run loop. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "fast.h"
#include "soft_priv.h"
#include "tlb.h"

/* RFLAGS bits that exist (SDM 1, 3.4.3). */
#define RFLAGS_KNOWN 0x3f7fd7ull

/* The FXSAVE image, 64-bit form: SDM 1, table 10-2. */
#define FX_FCW	 0
#define FX_FSW	 2
#define FX_FTW	 4
#define FX_FOP	 6
#define FX_FIP	 8
#define FX_FDP	 16
#define FX_MXCSR 24
#define FX_ST	 32
#define FX_XMM	 160

#define MXCSR_KNOWN 0xffffu

int soft_new(struct soft **out, const struct soft_config *cfg, struct err *err)
{
	struct cpu_state st;
	struct soft *s;
	int rc;

	*out = NULL;
	if (!cfg->mem || !cfg->host.exit || !cfg->host.ack || !cfg->host.now)
		return err_set(err, -EINVAL, "soft: mem and the host's functions are needed");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "soft: no memory for a CPU (%zu bytes)", sizeof(*s));
	s->cfg = *cfg;
	s->mem = cfg->mem;
	soft_features(s);
	soft_tlb_init(s);
	rc = soft_xlat_new(s, err);
	if (!rc)
		rc = soft_fast_new(s, err);
	if (rc) {
		soft_xlat_free(s);
		free(s);
		return rc;
	}
	x86_state_reset(&st);
	rc = soft_set(s, &st, err);
	assert(!rc);
	*out = s;
	return 0;
}

void soft_free(struct soft *s)
{
	if (!s)
		return;
	soft_fast_free(s);
	soft_xlat_free(s);
	free(s);
}

uint64_t soft_icount(const struct soft *s)
{
	return s->icount;
}

void soft_stop(struct soft *s)
{
	s->stop = true;
	s->events = true;
}

void soft_intr(struct soft *s, bool line)
{
	s->intr = line;
	if (line)
		s->events = true;
}

void soft_nmi(struct soft *s)
{
	s->nmi_pending = true;
	s->events = true;
}

void soft_set_cr8(struct soft *s, unsigned cr8)
{
	s->cr8 = cr8 & 15;
}

int soft_debug(struct soft *s, bool step, const uint64_t *bp, unsigned nr_bp)
{
	if (nr_bp > ARRAY_SIZE(s->bp))
		return -E2BIG;
	s->step = step;
	s->nr_bp = nr_bp;
	s->bp_reported = false;
	if (nr_bp)
		memcpy(s->bp, bp, nr_bp * sizeof(*bp));
	return 0;
}

int soft_watchpoints(struct soft *s, const struct soft_watchpoint *w, unsigned nr)
{
	if (nr > ARRAY_SIZE(s->wp))
		return -E2BIG;
	for (unsigned i = 0; i < nr; i++)
		if (!w[i].len || w[i].len > 8 || (w[i].len & (w[i].len - 1)) ||
		    (w[i].la & (w[i].len - 1)))
			return -EINVAL;
	s->nr_wp = nr;
	if (nr)
		memcpy(s->wp, w, nr * sizeof(*w));
	return 0;
}

void soft_memory_changed(struct soft *s)
{
	soft_tlb_flush(s);
	soft_fast_flush(s);
}

/* ---- state ------------------------------------------------------------------------------------- */

static void get_fpu(const struct soft *s, uint8_t *fx)
{
	const struct soft_x87 *f = &s->x87;
	unsigned top = f->sw >> 11 & 7;

	memset(fx, 0, 512);
	st_le16(fx + FX_FCW, f->cw);
	st_le16(fx + FX_FSW, f->sw);
	fx[FX_FTW] = f->tag;
	st_le16(fx + FX_FOP, f->op);
	st_le64(fx + FX_FIP, f->ip);
	st_le64(fx + FX_FDP, f->dp);
	st_le32(fx + FX_MXCSR, s->mxcsr);
	for (unsigned i = 0; i < 8; i++) {
		const struct soft_f80 *r = &f->reg[(top + i) & 7];

		st_le64(fx + FX_ST + 16 * (size_t)i, r->sig);
		st_le16(fx + FX_ST + 16 * (size_t)i + 8, r->exp);
	}
	for (unsigned i = 0; i < 16; i++) {
		st_le64(fx + FX_XMM + 16 * (size_t)i, s->xmm[i].q[0]);
		st_le64(fx + FX_XMM + 16 * (size_t)i + 8, s->xmm[i].q[1]);
	}
}

static void set_fpu(struct soft *s, const uint8_t *fx)
{
	struct soft_x87 *f = &s->x87;
	unsigned top;

	memset(f, 0, sizeof(*f));
	f->cw = ld_le16(fx + FX_FCW);
	f->sw = ld_le16(fx + FX_FSW);
	f->tag = fx[FX_FTW];
	f->op = ld_le16(fx + FX_FOP) & 0x7ff;
	f->ip = ld_le64(fx + FX_FIP);
	f->dp = ld_le64(fx + FX_FDP);
	s->mxcsr = ld_le32(fx + FX_MXCSR) & MXCSR_KNOWN;
	top = f->sw >> 11 & 7;
	for (unsigned i = 0; i < 8; i++) {
		struct soft_f80 *r = &f->reg[(top + i) & 7];

		r->sig = ld_le64(fx + FX_ST + 16 * (size_t)i);
		r->exp = ld_le16(fx + FX_ST + 16 * (size_t)i + 8);
	}
	for (unsigned i = 0; i < 16; i++) {
		s->xmm[i].q[0] = ld_le64(fx + FX_XMM + 16 * (size_t)i);
		s->xmm[i].q[1] = ld_le64(fx + FX_XMM + 16 * (size_t)i + 8);
	}
}

void soft_get(struct soft *s, struct cpu_state *st)
{
	memset(st, 0, sizeof(*st));
	memcpy(st->gpr, s->gpr, sizeof(st->gpr));
	st->rip = s->rip;
	st->rflags = s->rflags;
	memcpy(st->seg, s->seg, sizeof(st->seg));
	st->gdt = s->gdt;
	st->idt = s->idt;
	st->cr0 = s->cr0;
	st->cr2 = s->cr2;
	st->cr3 = s->cr3;
	st->cr4 = s->cr4;
	st->cr8 = s->cr8;
	st->efer = s->efer;
	st->apic_base = s->apic_base;
	st->xcr0 = s->xcr0;
	memcpy(st->dr, s->dr, sizeof(st->dr));
	memcpy(st->msr, s->msr, sizeof(st->msr));
	get_fpu(s, st->fpu);
	st->exc_injected = s->inject.kind == 1;
	st->int_injected = s->inject.kind == 2;
	st->exc_has_error = st->exc_injected && s->inject.has_error;
	st->exc_nr = st->exc_injected ? s->inject.vec : 0;
	st->exc_error = st->exc_has_error ? s->inject.error : 0;
	st->int_nr = st->int_injected ? s->inject.vec : 0;
	st->nmi_pending = s->nmi_pending;
	st->nmi_masked = s->nmi_masked;
	st->shadow = s->shadow;
	st->halted = s->halted;
	st->pkru = s->pkru;
	st->tsc_aux = s->tsc_aux;
	st->misc_enable = s->misc_enable;
	st->tsc_offset = s->tsc_offset;
	st->debugctl = s->debugctl;
	/* A trap that waits at this boundary is one that is being delivered to whoever gets the state. */
	if (s->db_pending && !s->inject.kind && s->shadow != 2) {
		st->exc_injected = true;
		st->exc_nr = X86_DB;
		st->dr[6] = (st->dr[6] & ~15ull) | s->db_pending;
	}
}

static void set_events(struct soft *s, const struct cpu_state *st)
{
	memset(&s->inject, 0, sizeof(s->inject));
	if (st->exc_injected) {
		s->inject.kind = 1;
		s->inject.vec = st->exc_nr & 31;
		s->inject.has_error = st->exc_has_error;
		s->inject.error = st->exc_error;
	} else if (st->int_injected) {
		s->inject.kind = 2;
		s->inject.vec = st->int_nr;
	}
	s->nmi_pending = st->nmi_pending;
	s->nmi_masked = st->nmi_masked;
	s->shadow = st->shadow & 3;
	s->shadow_new = 0;
	s->rep_mark = 0;
	s->halted = st->halted;
	s->reported = st->halted;
	s->shutdown = false;
	s->db_pending = s->db_new = 0;
	s->faults = 0;
	s->bp_reported = false;
	s->events = true;
}

/* PAE's four entries are registers that cpu_state has not got: as if CR3 was loaded now (3A 4.4.1). */
static void set_pdptes(struct soft *s)
{
	uint8_t b[32] = {0};

	if ((s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !soft_long(s))
		(void)gmem_read(s->mem, s->cr3 & 0xffffffe0, b, sizeof(b));
	for (size_t i = 0; i < ARRAY_SIZE(s->pdpte); i++)
		s->pdpte[i] = ld_le64(b + 8 * i);
}

int soft_set(struct soft *s, const struct cpu_state *st, struct err *err)
{
	int rc = x86_state_check(st, err);

	if (rc)
		return rc;
	memcpy(s->gpr, st->gpr, sizeof(st->gpr));
	s->rip = s->insn_rip = s->next_rip = st->rip;
	s->rflags = (st->rflags & RFLAGS_KNOWN) | X86_FLAG_FIXED;
	memcpy(s->seg, st->seg, sizeof(s->seg));
	s->gdt = st->gdt;
	s->idt = st->idt;
	s->cr0 = st->cr0;
	s->cr2 = st->cr2;
	s->cr3 = st->cr3;
	s->cr4 = st->cr4;
	s->cr8 = st->cr8 & 15;
	s->efer = st->efer;
	s->apic_base = st->apic_base;
	s->xcr0 = st->xcr0;
	memcpy(s->dr, st->dr, sizeof(s->dr));
	memcpy(s->msr, st->msr, sizeof(s->msr));
	set_fpu(s, st->fpu);
	set_events(s, st);
	s->pkru = st->pkru;
	s->tsc_aux = st->tsc_aux;
	s->misc_enable = st->misc_enable;
	s->tsc_offset = st->tsc_offset;
	s->debugctl = st->debugctl & SOFT_DEBUGCTL_BTF;
	s->dr7_on = st->dr[7] & 0xff;
	soft_mode_changed(s);
	set_pdptes(s);
	soft_memory_changed(s);
	return 0;
}

void soft_init(struct soft *s)
{
	struct cpu_state old, st;
	int rc;

	soft_get(s, &old);
	x86_state_reset(&st);
	st.cr0 = (st.cr0 & ~(X86_CR0_CD | X86_CR0_NW)) | (old.cr0 & (X86_CR0_CD | X86_CR0_NW));
	memcpy(st.fpu, old.fpu, sizeof(st.fpu));
	memcpy(st.msr, old.msr, sizeof(st.msr));
	st.apic_base = old.apic_base;
	st.xcr0 = old.xcr0;
	rc = soft_set(s, &st, NULL);
	assert(!rc);
	(void)rc;
}

/* ---- the run loop -------------------------------------------------------------------------------- */

static void report(struct soft *s, enum cpu_exit_kind kind)
{
	struct cpu_exit e = {.kind = kind, .rip = s->rip};

	s->reported = true;
	s->cfg.host.exit(s->cfg.host.ctx, &e);
}

/* Faults and interrupts in a row: those between which no instruction retired. */
static void count_fault(struct soft *s)
{
	if (s->icount != s->fault_icount)
		s->faults = 0;
	s->fault_icount = s->icount;
	s->faults++;
}

/* What longjmp brought: deliver it. */
static void fault_arrived(struct soft *s)
{
	s->in_delivery = false;
	soft_flags_sync(s);
	if (s->fault.is_trap) {
		s->rip = s->next_rip;
		s->icount++;
	} else {
		s->rip = s->insn_rip;
	}
	s->shadow = s->shadow_new = 0;
	s->db_new = 0;
	s->bp_reported = false;
	s->events = true;
	count_fault(s);
	soft_deliver(s, s->fault.vec, s->fault.soft_int, s->fault.has_error, s->fault.error);
}

/* The boundary before an instruction: true when the run ends here, with why. */
static bool boundary(struct soft *s, enum soft_stop *why)
{
	for (;;) {
		if (s->stop) {
			s->stop = false;
			*why = SOFT_STOP_HOST;
			return true;
		}
		if (s->shutdown) {
			if (!s->reported)
				report(s, CPU_EXIT_SHUTDOWN);
			*why = SOFT_STOP_SHUTDOWN;
			return true;
		}
		if (s->faults >= SOFT_FAULTS_MAX && s->icount == s->fault_icount) {
			s->faults = 0;
			*why = SOFT_STOP_FAULTS;
			return true;
		}
		if (s->icount >= s->icount_end) {
			*why = SOFT_STOP_BUDGET;
			return true;
		}
		/* Every HLT is an exit, also one that an interrupt ends at once: as it is on KVM. */
		if (s->halted && !s->reported) {
			report(s, CPU_EXIT_HLT);
			continue;
		}
		if (s->events && soft_events(s)) {
			count_fault(s);
			continue;
		}
		if (!s->halted)
			return false;
		*why = SOFT_STOP_HLT;
		return true;
	}
}

/* Between two runs regions may have come and gone, and a snapshot cleared the dirty bits. */
static void memory_changed(struct soft *s)
{
	unsigned regions = gmem_generation(s->mem), cleanings = gmem_cleanings(s->mem);

	if (s->mem_regions != regions)
		soft_memory_changed(s);
	else if (s->mem_cleanings != cleanings)
		soft_tlb_drop(s);
	s->mem_regions = regions;
	s->mem_cleanings = cleanings;
}

static enum soft_stop run(struct soft *s, uint64_t insns, bool fast)
{
	enum soft_stop why;
	jmp_buf jb;

	if (add_wraps(s->icount, insns ? insns : 1, &s->icount_end))
		s->icount_end = UINT64_MAX;
	memory_changed(s);
	s->remembers = fast;
	s->fault_jmp = &jb;
	if (setjmp(jb))
		fault_arrived(s);
	while (!boundary(s, &why)) {
		if (fast && soft_fast_ok(s))
			soft_fast_run(s);
		else
			soft_step(s);
	}
	s->fault_jmp = NULL;
	return why;
}

enum soft_stop soft_run(struct soft *s, uint64_t insns)
{
	return run(s, insns, true);
}

enum soft_stop soft_run_reference(struct soft *s, uint64_t insns)
{
	return run(s, insns, false);
}
