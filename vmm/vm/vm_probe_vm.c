/* SPDX-License-Identifier: MIT */
/*
 * The throw-away machine of the probes. See vm_probe_priv.h.
 * A run is ended by a timer whose signal is blocked for the thread and open only inside KVM_RUN
 * (KVM_SET_SIGNAL_MASK): no handler is needed, and no kick is lost between check and entry.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vm_probe_priv.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Newer than the oldest headers we build with. */
#define EMU_FAILURE_CAP	    204u
#define QUIRKS2_CAP	    213u
#define QUIRK_FIX_HYPERCALL (1u << 5)

#define PROBE_SIGNAL (SIGRTMIN + 3)

#define PTE_P  0x1u
#define PTE_W  0x2u
#define PTE_U  0x4u
#define PTE_PS 0x80u

int probe_no(struct probe_vm *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (p->why_len)
		vsnprintf(p->why, p->why_len, fmt, ap);
	va_end(ap);
	return 0;
}

int probe_host(struct probe_vm *p)
{
	return probe_no(p, "%s", p->err.msg[0] ? p->err.msg : "the host failed without a message");
}

int probe_not(struct probe_vm *p, const struct probe_seen *s, const char *what)
{
	char seen[264], hex[48] = "";
	const char *name;
	unsigned at = 0;

	switch (s->kind) {
	case PROBE_DONE:
		snprintf(seen, sizeof(seen), "it ran to its end");
		break;
	case PROBE_VECTOR:
		snprintf(seen, sizeof(seen), "exception %u at 0x%llx", s->vector,
			 (unsigned long long)s->rip);
		break;
	case PROBE_EMU:
		for (unsigned i = 0; i < s->insn_len && i < 6; i++)
			at += (unsigned)snprintf(hex + at, sizeof(hex) - at, " %02x", s->insn[i]);
		snprintf(seen, sizeof(seen), "KVM's emulator failed at 0x%llx%s%s",
			 (unsigned long long)s->rip, hex[0] ? ", bytes" : "", hex);
		break;
	case PROBE_TIMEOUT:
		snprintf(seen, sizeof(seen), "no exit within the time limit");
		break;
	case PROBE_HOST:
		snprintf(seen, sizeof(seen), "KVM_RUN failed: %s", p->err.msg);
		break;
	case PROBE_EXIT:
	default:
		name = kvm_exit_reason_name(s->raw);
		snprintf(seen, sizeof(seen), "%s (%u) at 0x%llx", name ? name : "exit", s->raw,
			 (unsigned long long)s->rip);
		break;
	}
	return probe_no(p, "%s: %s", what, seen);
}

/* ---- making and ending it ----------------------------------------------------------------------
 */

/* The thread's own: a signal to the process could end up in another thread. */
static int make_timer(struct probe_vm *p)
{
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = PROBE_SIGNAL};
	sigset_t own;

	sigemptyset(&own);
	sigaddset(&own, PROBE_SIGNAL);
	if (pthread_sigmask(SIG_BLOCK, &own, &p->old))
		return -EINVAL;
	p->masked = true;
	ev.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &ev, &p->timer))
		return -errno;
	p->has_timer = true;
	return 0;
}

static void use_template(struct probe_vm *p)
{
	size_t n = 0;
	const struct x86_cpuid *t = x86_cpuid_template("base", &n);

	for (size_t i = 0; t && i < n && i < PROBE_CPUIDS; i++) {
		struct kvm_cpuid_entry2 *e = &p->cpuid[p->nr_cpuid++];

		*e = (struct kvm_cpuid_entry2){.function = t[i].leaf,
					       .index = t[i].sub,
					       .eax = t[i].eax,
					       .ebx = t[i].ebx,
					       .ecx = t[i].ecx,
					       .edx = t[i].edx};
		if (t[i].has_sub)
			e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	}
}

int probe_open(struct probe_vm *p)
{
	int r = kvm_open(&p->kvm, NULL, &p->err);

	if (r)
		goto fail;
	r = kvm_vm_create(&p->kvm, &p->vm, &p->err);
	if (r)
		goto fail;
	/* As the kvm back end has it; a host without them is probed as it is. */
	(void)kvm_vm_enable_cap(&p->vm, EMU_FAILURE_CAP, 1, &p->err);
	(void)kvm_vm_enable_cap(&p->vm, QUIRKS2_CAP, QUIRK_FIX_HYPERCALL, &p->err);
	p->mem = mmap(NULL, PROBE_MEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->mem == MAP_FAILED) {
		p->mem = NULL;
		r = err_set(&p->err, -ENOMEM, "no %u bytes of memory for a probe", PROBE_MEM);
		goto fail;
	}
	r = kvm_set_memory(&p->vm, 0, 0, 0, PROBE_MEM, p->mem, &p->err);
	if (r)
		goto fail;
	r = make_timer(p);
	if (r) {
		err_set(&p->err, r, "no timer for a probe: %s", strerror(-r));
		goto fail;
	}
	use_template(p);
	return 0;
fail:
	probe_host(p);
	return r;
}

/* What fired and was not taken must not be there at the next run, or when the mask opens. */
static void drain(void)
{
	sigset_t own;

	sigemptyset(&own);
	sigaddset(&own, PROBE_SIGNAL);
	while (sigtimedwait(&own, NULL, &(struct timespec){0}) > 0)
		;
}

void probe_close(struct probe_vm *p)
{
	kvm_vcpu_close(&p->cpu);
	kvm_vm_close(&p->vm);
	kvm_close(&p->kvm);
	if (p->mem)
		munmap(p->mem, PROBE_MEM);
	if (p->has_timer)
		timer_delete(p->timer);
	if (p->masked) {
		drain();
		pthread_sigmask(SIG_SETMASK, &p->old, NULL);
	}
}

/* ---- tables and registers ----------------------------------------------------------------------
 */

static void gate64(uint8_t *idt, unsigned v)
{
	uint8_t *g = idt + 16 * (size_t)v;

	/* SDM 6.14.1: an interrupt gate of DPL 3, so that INT n of CPL3 may use it */
	memset(g, 0, 16);
	st_le16(g, (uint16_t)(PROBE_GATES + 16 * v));
	st_le16(g + 2, PROBE_SEL_CODE64);
	g[5] = 0xee;
}

static void gate32(uint8_t *idt, unsigned v)
{
	uint8_t *g = idt + 8 * (size_t)v;

	memset(g, 0, 8);
	st_le16(g, (uint16_t)(PROBE_GATES + 16 * v));
	st_le16(g + 2, PROBE_SEL_CODE32);
	g[5] = 0x8e;
}

static void fill_tables(struct probe_vm *p, enum probe_mode mode)
{
	uint8_t *gdt = p->mem + PROBE_GDT, *tss = p->mem + PROBE_TSS;
	static const uint64_t descs[] = {
		0,
		0x00cf9b000000ffff, /* code32 */
		0x00cf93000000ffff, /* data */
		0x00af9b000000ffff, /* code64 */
		0x00cff3000000ffff, /* data, DPL 3 */
		0x00affb000000ffff, /* code64, DPL 3 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(descs); i++)
		st_le64(gdt + 8 * i, descs[i]);
	/* a 64-bit TSS, busy; limit: 104 bytes, the I/O bitmap and its last 0xff */
	st_le64(gdt + PROBE_SEL_TSS, 0x00008b0000000000 | (uint64_t)PROBE_TSS << 16 | 0x2068);
	st_le64(gdt + PROBE_SEL_TSS + 8, 0);
	st_le64(tss + 4, PROBE_STACK); /* RSP0 */
	st_le16(tss + 102, 104);
	tss[0x2068] = 0xff;

	for (unsigned v = 0; v < 256; v++) {
		p->mem[PROBE_GATES + 16 * v] = 0xf4; /* hlt */
		if (mode == PROBE_REAL)
			st_le32(p->mem + 4 * (size_t)v, PROBE_GATES + 16 * v);
		else if (mode == PROBE_PROT)
			gate32(p->mem + PROBE_IDT, v);
		else
			gate64(p->mem + PROBE_IDT, v);
	}
	p->mem[PROBE_OTHER] = 0xf4;

	st_le64(p->mem + PROBE_PML4, PROBE_PDPT | PTE_P | PTE_W | PTE_U);
	st_le64(p->mem + PROBE_PDPT, PROBE_PD | PTE_P | PTE_W | PTE_U);
	st_le64(p->mem + PROBE_PD, 0 | PTE_P | PTE_W | PTE_U | PTE_PS);
	st_le64(p->mem + PROBE_PD + 8, PROBE_MMIO | PTE_P | PTE_W | PTE_U | PTE_PS);
}

static struct kvm_segment flat(uint16_t sel, uint8_t type, uint8_t dpl, bool l, bool db)
{
	return (struct kvm_segment){.base = 0,
				    .limit = 0xffffffff,
				    .selector = sel,
				    .type = type,
				    .present = 1,
				    .dpl = dpl,
				    .db = db,
				    .s = 1,
				    .l = l,
				    .g = 1};
}

static void set_segments(struct kvm_sregs *s, struct kvm_segment code, struct kvm_segment data)
{
	s->cs = code;
	s->ds = s->es = s->ss = s->fs = s->gs = data;
}

static void mode_sregs(struct kvm_sregs *s, enum probe_mode mode)
{
	struct kvm_segment real = {.limit = 0xffff, .type = 3, .present = 1, .s = 1};
	struct kvm_segment rcode = real;

	rcode.type = 11;
	s->idt.base = PROBE_IDT;
	s->gdt.base = PROBE_GDT;
	s->gdt.limit = PROBE_SEL_TSS + 15;
	switch (mode) {
	case PROBE_REAL:
		set_segments(s, rcode, real);
		s->idt.base = 0;
		s->idt.limit = 0x3ff;
		return;
	case PROBE_PROT:
		set_segments(s, flat(PROBE_SEL_CODE32, 11, 0, false, true),
			     flat(PROBE_SEL_DATA, 3, 0, false, true));
		s->idt.limit = 256 * 8 - 1;
		s->cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE;
		s->cr4 = X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
		return;
	case PROBE_LONG:
	case PROBE_USER:
	default:
		break;
	}
	if (mode == PROBE_LONG)
		set_segments(s, flat(PROBE_SEL_CODE64, 11, 0, true, false),
			     flat(PROBE_SEL_DATA, 3, 0, false, true));
	else
		set_segments(s, flat(PROBE_SEL_UCODE, 11, 3, true, false),
			     flat(PROBE_SEL_UDATA, 3, 3, false, true));
	s->tr = (struct kvm_segment){.base = PROBE_TSS,
				     .limit = 0x2068,
				     .selector = PROBE_SEL_TSS,
				     .type = 11,
				     .present = 1};
	s->idt.limit = 256 * 16 - 1;
	s->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
	s->cr3 = PROBE_PML4;
	s->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	s->efer = X86_EFER_LME | X86_EFER_LMA;
}

int probe_cpu(struct probe_vm *p, enum probe_mode mode, const void *code, unsigned len)
{
	sigset_t in_run = p->old;
	int r = kvm_vcpu_create(&p->vm, 0, &p->cpu, &p->err);

	if (r)
		goto fail;
	if (p->nr_cpuid) {
		r = kvm_set_cpuid(&p->cpu, p->cpuid, p->nr_cpuid, &p->err);
		if (r)
			goto fail;
	}
	sigdelset(&in_run, PROBE_SIGNAL);
	r = kvm_set_signal_mask(&p->cpu, &in_run, &p->err);
	if (r)
		goto fail;
	r = kvm_get_sregs(&p->cpu, &p->sregs, &p->err);
	if (r)
		goto fail;

	p->mode = mode;
	fill_tables(p, mode);
	memcpy(p->mem + PROBE_CODE, code, len);
	p->mem[PROBE_CODE + len] = 0xf4;
	p->end = PROBE_CODE + len;
	mode_sregs(&p->sregs, mode);
	p->regs = (struct kvm_regs){.rip = PROBE_CODE,
				    .rflags = X86_FLAG_FIXED,
				    .rsp = mode == PROBE_USER ? PROBE_USTACK : PROBE_STACK,
				    .rbx = PROBE_DATA};
	return 0;
fail:
	probe_host(p);
	return r;
}

int probe_start(struct probe_vm *p)
{
	int r = kvm_set_sregs(&p->cpu, &p->sregs, &p->err);

	if (!r)
		r = kvm_set_regs(&p->cpu, &p->regs, &p->err);
	if (r)
		probe_host(p);
	return r;
}

/* ---- running -----------------------------------------------------------------------------------
 */

static bool has_error_code(unsigned v)
{
	return v == X86_DF || (v >= X86_TS && v <= X86_PF) || v == X86_AC;
}

/* Where it halted tells what happened. */
static void judge_halt(struct probe_vm *p, struct probe_seen *s)
{
	uint64_t at = s->regs.rip - 1, off = s->regs.rsp;

	s->rip = at;
	if (at == p->end) {
		s->kind = PROBE_DONE;
		return;
	}
	if (at < PROBE_GATES || at >= PROBE_GATES + 256 * 16 || at % 16)
		return;
	s->kind = PROBE_VECTOR;
	s->vector = (unsigned)(at - PROBE_GATES) / 16;
	if (off > PROBE_MEM - 64)
		return;
	if (p->mode == PROBE_REAL) {
		s->rip = ld_le16(p->mem + off);
		return;
	}
	if (has_error_code(s->vector)) {
		s->error = ld_le32(p->mem + off);
		off += p->mode == PROBE_PROT ? 4 : 8;
	}
	if (p->mode == PROBE_PROT) {
		s->rip = ld_le32(p->mem + off);
		return;
	}
	s->rip = ld_le64(p->mem + off);
	s->cs = ld_le64(p->mem + off + 8);
	s->rflags = ld_le64(p->mem + off + 16);
	if (p->mode == PROBE_USER && s->vector == X86_GP && s->rip == p->end)
		s->kind = PROBE_DONE;
}

static void judge_internal(const struct kvm_run *run, struct probe_seen *s)
{
	const uint8_t *bytes = (const uint8_t *)&run->internal.data[1];

	if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION)
		return;
	s->kind = PROBE_EMU;
	/* data[0] bit 0: size and 15 bytes of the instruction follow (the KVM API's text) */
	if (run->internal.ndata >= 3 && run->internal.data[0] & 1) {
		s->insn_len = bytes[0] < sizeof(s->insn) ? bytes[0] : sizeof(s->insn);
		memcpy(s->insn, bytes + 1, s->insn_len);
	}
}

void probe_next(struct probe_vm *p, unsigned ms, struct probe_seen *s)
{
	struct itimerspec at = {
		.it_value = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}};
	struct timespec t0, t1;
	int r;

	memset(s, 0, sizeof(*s));
	drain();
	clock_gettime(CLOCK_MONOTONIC, &t0);
	timer_settime(p->timer, 0, &at, NULL);
	for (;;) {
		r = kvm_run(&p->cpu, &p->err);
		if (r != -EINTR && r != -EAGAIN)
			break;
		clock_gettime(CLOCK_MONOTONIC, &t1);
		if ((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000 >= ms)
			break;
	}
	timer_settime(p->timer, 0, &(struct itimerspec){0}, NULL);
	if (kvm_get_regs(&p->cpu, &s->regs, &p->err) && !r)
		r = p->err.code;
	s->rip = s->regs.rip;
	if (r == -EINTR || r == -EAGAIN) {
		s->kind = PROBE_TIMEOUT;
		return;
	}
	if (r) {
		s->kind = PROBE_HOST;
		return;
	}
	s->kind = PROBE_EXIT;
	s->raw = p->cpu.run->exit_reason;
	if (s->raw == KVM_EXIT_HLT)
		judge_halt(p, s);
	else if (s->raw == KVM_EXIT_INTERNAL_ERROR)
		judge_internal(p->cpu.run, s);
}

int probe_play(struct probe_vm *p, enum probe_mode mode, const void *code, unsigned len,
	       struct probe_seen *seen)
{
	int r = probe_cpu(p, mode, code, len);

	if (!r)
		r = probe_start(p);
	if (!r)
		probe_next(p, PROBE_MS, seen);
	return r;
}
