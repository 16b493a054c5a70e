/* SPDX-License-Identifier: MIT */
/* silicon: what differs between two results, and a case as text. */
#include <inttypes.h>

#include "silicon.h"

#define FX_ST  32
#define FX_XMM 160

static const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					  "r8",	 "r9",	"r10", "r11", "r12", "r13", "r14", "r15"};

/* Linux reports an address behind a program's last page as a protection fault, whatever is there. */
static uint32_t error_code(const struct sil_result *r)
{
	return r->vector == X86_PF && r->cr2 >= 0x7ffffffff000 ? r->error | 1 : r->error;
}

static bool has_error(int vector)
{
	return vector == X86_DF || (vector >= X86_TS && vector <= X86_PF) || vector == X86_AC;
}

static bool same_memory(const struct sil_result *a, const struct sil_result *b)
{
	unsigned n = a->nr_lines < SIL_KEEP ? a->nr_lines : SIL_KEEP;

	return a->nr_lines == b->nr_lines && !memcmp(a->line, b->line, n * sizeof(a->line[0])) &&
	       !memcmp(a->bytes, b->bytes, (size_t)n * SIL_LINE);
}

static unsigned compare_fpu(const uint8_t *a, const uint8_t *b)
{
	unsigned d = 0;

	if (memcmp(a, b, 5)) /* FCW, FSW, FTW */
		d |= SIL_D_FPU;
	if (memcmp(a + 6, b + 6, 18)) /* FOP, FIP, FDP */
		d |= SIL_D_FPTR;
	if (ld_le32(a + 24) != ld_le32(b + 24))
		d |= SIL_D_MXCSR;
	for (size_t i = 0; i < 8; i++)
		if (memcmp(a + FX_ST + 16 * i, b + FX_ST + 16 * i, 10))
			d |= SIL_D_ST;
	if (memcmp(a + FX_XMM, b + FX_XMM, 256))
		d |= SIL_D_XMM;
	return d;
}

static uint16_t selector(uint16_t sel)
{
	return sel > 3 ? sel : 0;
}

void sil_compare(const struct sil_case *c, const struct sil_result *si, const struct sil_result *so,
		 struct sil_diff *d)
{
	const struct sil_state *a = &si->out, *b = &so->out;

	(void)c;
	d->fields = 0;
	d->flags = a->rflags ^ b->rflags;
	if (si->vector != so->vector)
		d->fields |= SIL_D_VECTOR;
	else if (has_error(si->vector) && error_code(si) != error_code(so))
		d->fields |= SIL_D_ERROR;
	if (si->vector == X86_PF && so->vector == X86_PF && si->cr2 != so->cr2)
		d->fields |= SIL_D_CR2;
	if (a->rip != b->rip)
		d->fields |= SIL_D_RIP;
	if (memcmp(a->gpr, b->gpr, sizeof(a->gpr)))
		d->fields |= SIL_D_GPR;
	if (d->flags)
		d->fields |= SIL_D_FLAGS;
	/* Linux' context switch forgets the RPL of a null selector. */
	if (a->cs != b->cs || a->ss != b->ss || selector(a->ds) != selector(b->ds) ||
	    selector(a->es) != selector(b->es) || selector(a->fs) != selector(b->fs) ||
	    selector(a->gs) != selector(b->gs) ||
	    (c->bits == 64 && (a->fs_base != b->fs_base || a->gs_base != b->gs_base)))
		d->fields |= SIL_D_SEG;
	if (!same_memory(si, so))
		d->fields |= SIL_D_MEM;
	d->fields |= compare_fpu(a->fx, b->fx);
}

/* ---- as text ----------------------------------------------------------------------------------------- */

static void put_hex(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02x", p[i]);
}

/* 16 bytes as a number. */
static void put_128(struct buf *b, const uint8_t *p)
{
	buf_printf(b, "%016" PRIx64 "_%016" PRIx64, ld_le64(p + 8), ld_le64(p));
}

static void put_flags(struct buf *b, uint64_t f)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {{11, "OF"}, {10, "DF"}, {7, "SF"},	 {6, "ZF"},  {4, "AF"},	 {2, "PF"},
		     {0, "CF"},	 {8, "TF"},  {14, "NT"}, {16, "RF"}, {18, "AC"}, {21, "ID"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (f >> names[i].bit & 1)
			buf_printf(b, " %s", names[i].name);
}

static void put_code(struct buf *b, const struct sil_case *c)
{
	char text[128];
	unsigned at = 0;

	buf_printf(b, "%u bits at %" PRIx64 ": ", c->bits, c->in.rip);
	while (at < c->code_len) {
		int n = insn_format(c->code + at, c->code_len - at, c->bits, c->in.rip + at, text,
				    sizeof(text));

		if (n <= 0)
			n = c->code_len - (int)at;
		put_hex(b, c->code + at, (size_t)n);
		buf_printf(b, " (%s) ", text);
		at += (unsigned)n;
	}
	buf_printf(b, "\n");
}

static void put_memory(struct buf *b, const char *who, const struct sil_result *r,
		       const struct sil_result *other)
{
	unsigned n = r->nr_lines < SIL_KEEP ? r->nr_lines : SIL_KEEP, shown = 0;

	for (unsigned i = 0; i < n && shown < 4; i++) {
		if (i < other->nr_lines && other->line[i] == r->line[i] &&
		    !memcmp(other->bytes[i], r->bytes[i], SIL_LINE))
			continue;
		buf_printf(b, "    %s %" PRIx64 ": ", who,
			   (uint64_t)SIL_RW + (uint64_t)r->line[i] * SIL_LINE);
		put_hex(b, r->bytes[i], SIL_LINE);
		buf_printf(b, "\n");
		shown++;
	}
	if (r->nr_lines != other->nr_lines)
		buf_printf(b, "    %s: %u lines changed\n", who, r->nr_lines);
}

static void put_in(struct buf *b, const struct sil_case *c)
{
	const struct sil_state *s = &c->in;

	buf_printf(b, "  in:");
	for (unsigned i = 0; i < 16; i++)
		if (i < 8 || c->bits == 64)
			buf_printf(b, " %s=%" PRIx64, gpr_names[i], s->gpr[i]);
	buf_printf(b, " flags=%" PRIx64, s->rflags);
	put_flags(b, s->rflags);
	buf_printf(b,
		   " cs=%x ss=%x ds=%x es=%x fs=%x:%" PRIx64 " gs=%x:%" PRIx64 " mxcsr=%x fcw=%x "
		   "fsw=%x ftw=%x\n",
		   s->cs, s->ss, s->ds, s->es, s->fs, s->fs_base, s->gs, s->gs_base,
		   ld_le32(s->fx + 24), ld_le16(s->fx), ld_le16(s->fx + 2), s->fx[4]);
	for (unsigned k = 0; k < c->nr_patches; k++) {
		buf_printf(b, "  mem %" PRIx64 ": ", (uint64_t)SIL_RW + c->patch[k].off);
		put_hex(b, c->patch[k].bytes, c->patch[k].len);
		buf_printf(b, "\n");
	}
}

static void put_end(struct buf *b, const char *who, const struct sil_result *r)
{
	buf_printf(b, "  %s: ", who);
	if (r->vector < 0)
		buf_printf(b, "%s",
			   r->vector == SIL_OK	      ? "to the end"
			   : r->vector == SIL_SYSCALL ? "system call"
			   : r->vector == SIL_TIMEOUT ? "timeout"
						      : "lost");
	else
		buf_printf(b, "vector %d error %x cr2 %" PRIx64, r->vector,
			   has_error(r->vector) ? error_code(r) : 0, r->vector == 14 ? r->cr2 : 0);
	buf_printf(b, " rip %" PRIx64 " flags %" PRIx64, r->out.rip, r->out.rflags);
	put_flags(b, r->out.rflags);
	buf_printf(b, "\n");
}

static void put_fpu(struct buf *b, const struct sil_case *c, const uint8_t *x, const uint8_t *y)
{
	for (size_t i = 0; i < 8; i++)
		if (memcmp(x + FX_ST + 16 * i, y + FX_ST + 16 * i, 10)) {
			buf_printf(b, "    st%zu: in ", i);
			put_128(b, c->in.fx + FX_ST + 16 * i);
			buf_printf(b, " silicon ");
			put_128(b, x + FX_ST + 16 * i);
			buf_printf(b, " soft ");
			put_128(b, y + FX_ST + 16 * i);
			buf_printf(b, "\n");
		}
	for (size_t i = 0; i < 16; i++)
		if (memcmp(x + FX_XMM + 16 * i, y + FX_XMM + 16 * i, 16)) {
			buf_printf(b, "    xmm%zu: in ", i);
			put_128(b, c->in.fx + FX_XMM + 16 * i);
			buf_printf(b, " silicon ");
			put_128(b, x + FX_XMM + 16 * i);
			buf_printf(b, " soft ");
			put_128(b, y + FX_XMM + 16 * i);
			buf_printf(b, "\n");
		}
	if (memcmp(x, y, 5))
		buf_printf(b, "    fcw/fsw/ftw: silicon %x %x %x soft %x %x %x\n", ld_le16(x),
			   ld_le16(x + 2), x[4], ld_le16(y), ld_le16(y + 2), y[4]);
	if (memcmp(x + 6, y + 6, 18))
		buf_printf(b,
			   "    fop/fip/fdp: silicon %x %" PRIx64 " %" PRIx64 " soft %x %" PRIx64
			   " %" PRIx64 "\n",
			   ld_le16(x + 6), ld_le64(x + 8), ld_le64(x + 16), ld_le16(y + 6),
			   ld_le64(y + 8), ld_le64(y + 16));
	if (ld_le32(x + 24) != ld_le32(y + 24))
		buf_printf(b, "    mxcsr: silicon %x soft %x\n", ld_le32(x + 24), ld_le32(y + 24));
}

/* Vector operands that the instruction names, for whoever wants to see why. */
static void put_operands(struct buf *b, const struct sil_case *c)
{
	struct insn i;

	if (insn_decode(c->code, c->code_len, c->bits, &i) <= 0)
		return;
	for (unsigned k = 0; k < i.nr; k++) {
		const struct insn_operand *o = &i.o[k];

		if (o->kind != INSN_REG || (o->cls != INSN_XMM && o->cls != INSN_MM))
			continue;
		buf_printf(b, "    %s%u = ", o->cls == INSN_XMM ? "xmm" : "mm", o->num);
		put_128(b, c->in.fx + (o->cls == INSN_XMM ? FX_XMM : FX_ST) + 16 * (size_t)o->num);
		buf_printf(b, "\n");
	}
	if (i.cpuid == INSN_C_X87)
		for (size_t k = 0; k < 2; k++) {
			buf_printf(b, "    st%zu = ", k);
			put_128(b, c->in.fx + FX_ST + 16 * k);
			buf_printf(b, "\n");
		}
}

void sil_describe(struct buf *b, const struct sil_case *c, const struct sil_result *si,
		  const struct sil_result *so, const struct sil_diff *d)
{
	put_code(b, c);
	put_in(b, c);
	put_operands(b, c);
	put_end(b, "silicon", si);
	put_end(b, "soft   ", so);
	if (d->flags) {
		buf_printf(b, "    flags differ:");
		put_flags(b, d->flags);
		buf_printf(b, " (%" PRIx64 ")\n", d->flags);
	}
	for (unsigned i = 0; i < 16; i++)
		if (si->out.gpr[i] != so->out.gpr[i])
			buf_printf(b,
				   "    %s: in %" PRIx64 " silicon %" PRIx64 " soft %" PRIx64 "\n",
				   gpr_names[i], c->in.gpr[i], si->out.gpr[i], so->out.gpr[i]);
	if (d->fields & SIL_D_SEG)
		for (unsigned k = 0; k < 2; k++) {
			const struct sil_state *s = k ? &so->out : &si->out;

			buf_printf(b,
				   "    %s cs=%x ss=%x ds=%x es=%x fs=%x:%" PRIx64 " gs=%x:%" PRIx64
				   "\n",
				   k ? "soft   " : "silicon", s->cs, s->ss, s->ds, s->es, s->fs,
				   s->fs_base, s->gs, s->gs_base);
		}
	if (d->fields & SIL_D_MEM) {
		put_memory(b, "silicon", si, so);
		put_memory(b, "soft   ", so, si);
	}
	put_fpu(b, c, si->out.fx, so->out.fx);
}
