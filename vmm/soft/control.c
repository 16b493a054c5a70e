/* SPDX-License-Identifier: MIT */
/*
 * soft: control and debug registers: MOV CR, MOV DR, LMSW, CLTS, XCR0: what hardware refuses (SDM 3A
 * 2.5, 3B 17.2, SDM 2B MOV) and what follows from a change.
 *
 * Which bits of CR4 there are follows from the CPUID template.
 */
#include "soft_sys.h"
#include "system.h"

enum { EAX, EBX, ECX, EDX };

#define CR0_LOW                                                                                    \
	(X86_CR0_PE | X86_CR0_MP | SOFT_CR0_EM | SOFT_CR0_TS | X86_CR0_NE | X86_CR0_WP |           \
	 X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define DR6_WRITABLE 0xe00full
#define DR7_FIXED    (1ull << 10)
#define DR7_WRITABLE 0xffff23ffull
#define CR3_PCID     0xfffull

uint32_t soft_cpuid_reg(const struct soft *s, uint32_t leaf, uint32_t sub, unsigned reg)
{
	struct x86_cpuid c;

	x86_cpuid_lookup(s->cfg.cpuid, s->cfg.nr_cpuid, leaf, sub, &c);
	switch (reg) {
	case EAX:
		return c.eax;
	case EBX:
		return c.ebx;
	case ECX:
		return c.ecx;
	default:
		return c.edx;
	}
}

bool soft_has_apic(const struct soft *s)
{
	return soft_cpuid_reg(s, 1, 0, EDX) >> 9 & 1;
}

/* ---- which bits there are ------------------------------------------------------------------------ */

uint64_t soft_cr4_known(const struct soft *s)
{
	static const struct {
		uint32_t leaf;
		uint8_t reg, bit;
		uint64_t cr4;
	} bits[] = {
		{1, EDX, 1, SOFT_CR4_VME | SOFT_CR4_PVI},
		{1, EDX, 2, SOFT_CR4_DE},
		{1, EDX, 3, SOFT_CR4_PSE},
		{1, EDX, 4, SOFT_CR4_TSD},
		{1, EDX, 6, X86_CR4_PAE},
		{1, EDX, 7, SOFT_CR4_MCE},
		{1, EDX, 13, X86_CR4_PGE},
		{1, EDX, 24, X86_CR4_OSFXSR},
		{1, EDX, 25, X86_CR4_OSXMMEXCPT},
		{1, ECX, 17, SOFT_CR4_PCIDE},
		{1, ECX, 26, SOFT_CR4_OSXSAVE},
		{7, EBX, 0, SOFT_CR4_FSGSBASE},
		{7, EBX, 7, SOFT_CR4_SMEP},
		{7, EBX, 20, SOFT_CR4_SMAP},
		{7, ECX, 2, SOFT_CR4_UMIP},
		{7, ECX, 3, SOFT_CR4_PKE},
	};
	uint64_t known = SOFT_CR4_PCE;

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (soft_cpuid_reg(s, bits[i].leaf, 0, bits[i].reg) >> bits[i].bit & 1)
			known |= bits[i].cr4;
	return known;
}

/* 13.3: x87 always, SSE where there is SSE; nothing above is offered without its CPUID bit. */
static uint64_t xcr0_known(const struct soft *s)
{
	return soft_cpuid_reg(s, 13, 0, EAX) | (uint64_t)soft_cpuid_reg(s, 13, 0, EDX) << 32;
}

/* ---- CR0, CR3, CR4 -------------------------------------------------------------------------------- */

static void check_cr0(struct soft *s, uint64_t old, uint64_t val)
{
	bool on = (val & X86_CR0_PG) && !(old & X86_CR0_PG);
	bool off = !(val & X86_CR0_PG) && (old & X86_CR0_PG);

	if (val >> 32)
		soft_gp0(s);
	if ((val & X86_CR0_PG) && !(val & X86_CR0_PE))
		soft_gp0(s);
	if ((val & X86_CR0_NW) && !(val & X86_CR0_CD))
		soft_gp0(s);
	if (off && (s->bits == 64 || (s->cr4 & SOFT_CR4_PCIDE)))
		soft_gp0(s);
	/* 9.8.5: long mode is entered by this, from code that is not 64-bit and with a 32-bit TSS. */
	if (on && (s->efer & X86_EFER_LME) &&
	    (!(s->cr4 & X86_CR4_PAE) || (s->seg[X86_CS].attr & SOFT_ATTR_L) ||
	     !(soft_attr_type(s->seg[X86_TR].attr) & 8)))
		soft_gp0(s);
}

void soft_write_cr0(struct soft *s, uint64_t val)
{
	uint64_t old = s->cr0, changed, efer = s->efer;

	check_cr0(s, old, val);
	/* Reserved bits below 32 are ignored, ET is always set. */
	val = (val & CR0_LOW) | X86_CR0_ET;
	changed = old ^ val;
	if (changed & X86_CR0_PG) {
		efer &= ~X86_EFER_LMA;
		if ((val & X86_CR0_PG) && (efer & X86_EFER_LME))
			efer |= X86_EFER_LMA;
	}
	if ((changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
	    soft_uses_pdptes(val, s->cr4, efer) && !soft_load_pdptes(s, s->cr3))
		soft_gp0(s);
	s->cr0 = val;
	s->efer = efer;
	if (changed & (X86_CR0_PG | X86_CR0_PE))
		soft_tlb_flush(s);
	else if (changed & X86_CR0_WP)
		soft_tlb_rights(s);
	soft_mode_changed(s);
}

void soft_write_cr3(struct soft *s, uint64_t val)
{
	if (s->cr4 & SOFT_CR4_PCIDE)
		val &= ~SOFT_CR3_NOFLUSH;
	if (soft_long(s) && val >> s->maxphyaddr)
		soft_gp0(s);
	if (soft_uses_pdptes(s->cr0, s->cr4, s->efer) && !soft_load_pdptes(s, val))
		soft_gp0(s);
	s->cr3 = val;
	soft_tlb_space(s);
}

void soft_write_cr4(struct soft *s, uint64_t val)
{
	const uint64_t tables = SOFT_CR4_PSE | X86_CR4_PAE | SOFT_CR4_PCIDE;
	const uint64_t rights = SOFT_CR4_SMEP | SOFT_CR4_SMAP | SOFT_CR4_PKE;
	uint64_t changed = s->cr4 ^ val;

	if (val & ~soft_cr4_known(s))
		soft_gp0(s);
	if (soft_long(s) && !(val & X86_CR4_PAE))
		soft_gp0(s);
	if ((changed & val & SOFT_CR4_PCIDE) && (!soft_long(s) || (s->cr3 & CR3_PCID)))
		soft_gp0(s);
	if ((changed & (X86_CR4_PAE | X86_CR4_PGE | SOFT_CR4_PSE | SOFT_CR4_SMEP)) &&
	    soft_uses_pdptes(s->cr0, val, s->efer) && !soft_load_pdptes(s, s->cr3))
		soft_gp0(s);
	s->cr4 = val;
	if (changed & tables)
		soft_tlb_flush(s);
	else if (changed & rights)
		soft_tlb_rights(s);
}

static void write_cr8(struct soft *s, uint64_t val)
{
	if (val & ~15ull)
		soft_gp0(s);
	s->cr8 = val;
	if (soft_has_apic(s)) {
		struct cpu_exit e = {.kind = CPU_EXIT_SET_TPR, .rip = s->insn_rip};

		e.tpr.cr8 = (uint8_t)val;
		s->cfg.host.exit(s->cfg.host.ctx, &e);
	}
}

/* ---- debug registers ---------------------------------------------------------------------------- */

static void check_dr(struct soft *s, unsigned num)
{
	if ((num == 4 || num == 5) && (s->cr4 & SOFT_CR4_DE))
		soft_ud(s);
	if (num > 7)
		soft_ud(s);
	if (s->cpl)
		soft_gp0(s);
	if (s->dr[7] & SOFT_DR7_GD) {
		s->dr[6] = (s->dr[6] & ~15ull) | SOFT_DR6_BD | SOFT_DR6_FIXED;
		soft_db_fault(s);
	}
}

static void write_dr(struct soft *s, unsigned num, uint64_t val)
{
	switch (num) {
	case 0:
	case 1:
	case 2:
	case 3:
		s->dr[num] = val;
		break;
	case 4:
	case 6:
		if (val >> 32)
			soft_gp0(s);
		s->dr[6] = (val & DR6_WRITABLE) | SOFT_DR6_FIXED;
		break;
	default:
		if (val >> 32)
			soft_gp0(s);
		s->dr[7] = (val & DR7_WRITABLE) | DR7_FIXED;
		s->dr7_on = s->dr[7] & 0xff;
		break;
	}
}

/* ---- MOV ---------------------------------------------------------------------------------------- */

static void check_cr(struct soft *s, unsigned num)
{
	if (num != 0 && num != 2 && num != 3 && num != 4 && num != 8)
		soft_ud(s);
	if (s->cpl)
		soft_gp0(s);
}

void soft_mov_to_control(struct soft *s, const struct insn_operand *o, uint64_t val)
{
	if (s->bits != 64)
		val = (uint32_t)val;
	if (o->cls == INSN_DR) {
		check_dr(s, o->num);
		write_dr(s, o->num, val);
		return;
	}
	check_cr(s, o->num);
	switch (o->num) {
	case 0:
		soft_write_cr0(s, val);
		break;
	case 2:
		s->cr2 = val;
		break;
	case 3:
		soft_write_cr3(s, val);
		break;
	case 4:
		soft_write_cr4(s, val);
		break;
	default:
		write_cr8(s, val);
		break;
	}
}

uint64_t soft_mov_from_control(struct soft *s, const struct insn_operand *o)
{
	uint64_t val;

	if (o->cls == INSN_DR) {
		check_dr(s, o->num);
		val = s->dr[o->num == 4 || o->num == 5 ? o->num + 2u : o->num];
	} else {
		check_cr(s, o->num);
		switch (o->num) {
		case 0:
			val = s->cr0;
			break;
		case 2:
			val = s->cr2;
			break;
		case 3:
			val = s->cr3;
			break;
		case 4:
			val = s->cr4;
			break;
		default:
			val = s->cr8;
			break;
		}
	}
	return s->bits == 64 ? val : (uint32_t)val;
}

/* ---- LMSW, SMSW, CLTS ---------------------------------------------------------------------------- */

void soft_op_lmsw(struct soft *s, const struct insn *i)
{
	const uint64_t low = X86_CR0_PE | X86_CR0_MP | SOFT_CR0_EM | SOFT_CR0_TS;
	uint64_t val;

	if (s->cpl)
		soft_gp0(s);
	val = soft_sys_read16(s, i, 0) & low;
	/* PE can be set by it, not cleared. */
	soft_write_cr0(s, (s->cr0 & ~(low & ~X86_CR0_PE)) | val);
}

void soft_op_smsw(struct soft *s, const struct insn *i)
{
	soft_check_umip(s);
	soft_sys_store(s, i, s->cr0);
}

void soft_op_clts(struct soft *s, const struct insn *i)
{
	(void)i;
	if (s->cpl)
		soft_gp0(s);
	s->cr0 &= ~SOFT_CR0_TS;
}

/* ---- XCR0 ----------------------------------------------------------------------------------------- */

static void check_xsave(struct soft *s)
{
	if (!(s->cr4 & SOFT_CR4_OSXSAVE))
		soft_ud(s);
}

void soft_op_xgetbv(struct soft *s, const struct insn *i)
{
	uint32_t num = (uint32_t)s->gpr[X86_RCX];
	uint64_t val = s->xcr0;

	(void)i;
	check_xsave(s);
	/* 1: XINUSE and XCR0, where XSAVEC's leaf offers it: all components count as in use. */
	if (num != 0 && !(num == 1 && (soft_cpuid_reg(s, 13, 1, EAX) & 4)))
		soft_gp0(s);
	s->gpr[X86_RAX] = (uint32_t)val;
	s->gpr[X86_RDX] = val >> 32;
}

void soft_op_xsetbv(struct soft *s, const struct insn *i)
{
	uint64_t val = (uint32_t)s->gpr[X86_RAX] | s->gpr[X86_RDX] << 32;

	(void)i;
	check_xsave(s);
	if (s->cpl || (uint32_t)s->gpr[X86_RCX])
		soft_gp0(s);
	/* x87 can't be off; AVX (bit 2) needs SSE (bit 1): SDM 1, 13.3. */
	if ((val & ~xcr0_known(s)) || !(val & 1) || ((val & 4) && !(val & 2)))
		soft_gp0(s);
	s->xcr0 = val;
}
