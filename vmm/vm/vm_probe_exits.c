/* SPDX-License-Identifier: MIT */
/* Probes of what KVM reports and accepts, of system instructions at CPL3, and of the host itself.
 */
#include <errno.h>
#include <stdio.h>

#include "vm_probe_priv.h"

/* Newer than the oldest headers we build with. */
#define BUS_LOCK_CAP	 193u
#define BUS_LOCK_BY_EXIT 2u
#define BUS_LOCK_EXIT	 33u

#define MSR_STAR  0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_FMASK 0xc0000084u
#define MSR_TSC	  0x10u
#define MSR_NONE  0x4b564d8fu /* of KVM's range, nobody's */

#define CR4_TSD	       (1ull << 2)
#define CR4_PSE	       (1ull << 4)
#define CR4_OSXSAVE    (1ull << 18)
#define CPUID1_XSAVE   (1u << 26)
#define CPUID1_OSXSAVE (1u << 27)
#define CPUID1_APIC    (1u << 9)
#define FLAG_IOPL3     (3ull << 12)
#define PF_P	       1u
#define PF_RSVD	       8u

#define CODE(s) s, sizeof(s) - 1

static bool is_exit(const struct probe_seen *s, uint32_t raw)
{
	return s->kind == PROBE_EXIT && s->raw == raw;
}

static int usable(struct probe_vm *p)
{
	struct probe_seen s;

	if (probe_cpu(p, PROBE_REAL, CODE("\x90")) || probe_start(p))
		return 0;
	/* With a wrong no, every test would be skipped. */
	probe_next(p, 4 * PROBE_MS, &s);
	return s.kind == PROBE_DONE ? 1 : probe_not(p, &s, "nop; hlt");
}

/* ---- CPL3 ------------------------------------------------------------------------------------ */

static int ac_cpl3(struct probe_vm *p)
{
	struct probe_seen s;

	if (probe_cpu(p, PROBE_USER, CODE("\x8b\x43\x01"))) /* mov eax, [rbx + 1] */
		return 0;
	p->sregs.cr0 |= X86_CR0_AM;
	p->regs.rflags |= X86_FLAG_AC;
	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	if (s.kind != PROBE_VECTOR || s.vector != X86_AC)
		return probe_not(p, &s, "an unaligned load with AC set");
	return 1;
}

static int user_out(struct probe_vm *p, const char *what)
{
	struct probe_seen s;

	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	return is_exit(&s, KVM_EXIT_IO) ? 1 : probe_not(p, &s, what);
}

static int iopl(struct probe_vm *p)
{
	if (probe_cpu(p, PROBE_USER, CODE("\xe6\x80"))) /* out 0x80, al */
		return 0;
	p->regs.rflags |= FLAG_IOPL3;
	memset(p->mem + PROBE_TSS + 104, 0xff, 8192);
	return user_out(p, "out with IOPL 3");
}

static int io_bitmap(struct probe_vm *p)
{
	if (probe_cpu(p, PROBE_USER, CODE("\xe6\x80")))
		return 0;
	return user_out(p, "out that the TSS allows");
}

static int syscall_cpl3(struct probe_vm *p)
{
	struct kvm_msr_entry m[] = {
		{.index = MSR_STAR, .data = (uint64_t)PROBE_SEL_CODE64 << 32},
		{.index = MSR_LSTAR, .data = PROBE_OTHER},
		{.index = MSR_FMASK, .data = X86_FLAG_IF},
	};
	struct probe_seen s;

	if (probe_cpu(p, PROBE_USER, CODE("\x0f\x05")))
		return 0;
	p->sregs.efer |= X86_EFER_SCE;
	if (probe_start(p))
		return 0;
	if (kvm_set_msrs(&p->cpu, m, ARRAY_SIZE(m), &p->err) != (int)ARRAY_SIZE(m))
		return probe_no(p, "KVM_SET_MSRS refused STAR, LSTAR or FMASK");
	probe_next(p, PROBE_MS, &s);
	if (is_exit(&s, KVM_EXIT_HLT) && s.rip == PROBE_OTHER)
		return 1;
	if (s.kind == PROBE_VECTOR && s.vector == X86_GP && s.rip == PROBE_OTHER)
		return probe_no(p, "it goes to LSTAR but stays at CPL3 (cs 0x%llx)",
				(unsigned long long)s.cs);
	return probe_not(p, &s, "syscall");
}

static int tsd_cpl3(struct probe_vm *p)
{
	struct probe_seen s;

	if (probe_cpu(p, PROBE_USER, CODE("\x0f\x31")))
		return 0;
	p->sregs.cr4 |= CR4_TSD;
	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	if (s.kind == PROBE_VECTOR && s.vector == X86_GP && s.rip == PROBE_CODE)
		return 1;
	return probe_not(p, &s, "rdtsc with CR4.TSD set");
}

/* ---- CPUID ----------------------------------------------------------------------------------- */

static int cpuid_in(struct probe_vm *p, enum probe_mode mode)
{
	/* mov eax, 1; cpuid; shl rcx, 32; or rdx, rcx */
	static const char code[] = "\xb8\x01\x00\x00\x00\x0f\xa2";
	struct kvm_cpuid_entry2 *e = NULL;
	struct probe_seen s;
	uint32_t ecx, edx;

	for (unsigned i = 0; i < p->nr_cpuid; i++)
		if (p->cpuid[i].function == 1)
			e = &p->cpuid[i];
	if (!e) {
		e = &p->cpuid[p->nr_cpuid++];
		*e = (struct kvm_cpuid_entry2){.function = 1};
	}
	e->eax = 0x00012340;
	if (probe_play(p, mode, CODE(code), &s))
		return 0;
	if (s.kind != PROBE_DONE)
		return probe_not(p, &s, "cpuid");
	/* OSXSAVE follows CR4, APIC follows the local APIC's enable bit */
	ecx = ((uint32_t)s.regs.rcx ^ e->ecx) & ~CPUID1_OSXSAVE;
	edx = ((uint32_t)s.regs.rdx ^ e->edx) & ~CPUID1_APIC;
	if ((uint32_t)s.regs.rax != e->eax)
		return probe_no(p, "leaf 1 eax is 0x%x where 0x%x was set", (uint32_t)s.regs.rax,
				e->eax);
	if (ecx || edx)
		return probe_no(p, "leaf 1 features are ecx 0x%x edx 0x%x, not 0x%x 0x%x",
				(uint32_t)s.regs.rcx, (uint32_t)s.regs.rdx, e->ecx, e->edx);
	return 1;
}

static int cpuid_cpl0(struct probe_vm *p)
{
	return cpuid_in(p, PROBE_LONG);
}

static int cpuid_cpl3(struct probe_vm *p)
{
	return cpuid_in(p, PROBE_USER);
}

static int xgetbv_cpl0(struct probe_vm *p)
{
	struct probe_seen s;

	for (unsigned i = 0; i < p->nr_cpuid; i++)
		if (p->cpuid[i].function == 1)
			p->cpuid[i].ecx |= CPUID1_XSAVE;
	if (probe_cpu(p, PROBE_LONG, CODE("\x31\xc9\x0f\x01\xd0"))) /* xor ecx, ecx; xgetbv */
		return 0;
	p->sregs.cr4 |= CR4_OSXSAVE;
	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	if (s.kind != PROBE_DONE)
		return probe_not(p, &s, "xgetbv");
	return s.regs.rax & 1 ? 1
			      : probe_no(p, "XCR0 reads 0x%llx", (unsigned long long)s.regs.rax);
}

static int tsc_settable(struct probe_vm *p)
{
	const uint64_t want = 1ull << 45;
	struct kvm_msr_entry m = {.index = MSR_TSC, .data = want};
	struct probe_seen s;
	uint64_t got;

	if (probe_cpu(p, PROBE_LONG, CODE("\x0f\x31")) || probe_start(p)) /* rdtsc */
		return 0;
	if (kvm_set_msrs(&p->cpu, &m, 1, &p->err) != 1)
		return probe_no(p, "KVM_SET_MSRS refused the TSC");
	probe_next(p, PROBE_MS, &s);
	if (s.kind != PROBE_DONE)
		return probe_not(p, &s, "rdtsc");
	got = s.regs.rdx << 32 | (uint32_t)s.regs.rax;
	/* at most 10 s at 10 GHz may have gone by */
	if (got < want || got - want > 100000000000ull)
		return probe_no(p, "set to 0x%llx, the guest reads 0x%llx",
				(unsigned long long)want, (unsigned long long)got);
	return 1;
}

/* ---- paging ---------------------------------------------------------------------------------- */

/* mov eax, PROBE_PML4; mov cr3, eax; mov eax, PG | NE | ET | PE; mov cr0, eax; nop */
static const char turn_on[] =
	"\xb8\x00\x10\x00\x00\x0f\x22\xd8\xb8\x31\x00\x00\x80\x0f\x22\xc0\x90";

static int paging(struct probe_vm *p, uint64_t cr4, const char *what)
{
	struct probe_seen s;

	p->sregs.cr4 |= cr4;
	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	return s.kind == PROBE_DONE ? 1 : probe_not(p, &s, what);
}

static int paging32(struct probe_vm *p)
{
	if (probe_cpu(p, PROBE_PROT, CODE(turn_on)))
		return 0;
	memset(p->mem + PROBE_PML4, 0, 4096);
	st_le32(p->mem + PROBE_PML4, 0x83); /* a 4 MiB page: P, W, PS */
	return paging(p, CR4_PSE, "turning on 32-bit paging");
}

static int paging_pae(struct probe_vm *p)
{
	if (probe_cpu(p, PROBE_PROT, CODE(turn_on)))
		return 0;
	memset(p->mem + PROBE_PML4, 0, 32);
	st_le64(p->mem + PROBE_PML4, PROBE_PD | 1); /* PDPTEs have P alone (SDM 4.4.1) */
	return paging(p, X86_CR4_PAE, "turning on PAE paging");
}

static int pf_reserved(struct probe_vm *p)
{
	struct probe_seen s;

	if (probe_cpu(p, PROBE_LONG, CODE("\x8b\x04\x25\x00\x00\x20\x00"))) /* mov eax, [2M] */
		return 0;
	/* bit 51 of the address is above every MAXPHYADDR of our template */
	st_le64(p->mem + PROBE_PD + 8, 1ull << 51 | PROBE_MMIO | 0x87);
	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	if (s.kind != PROBE_VECTOR || s.vector != X86_PF)
		return probe_not(p, &s, "a load through a reserved bit");
	if ((s.error & (PF_P | PF_RSVD)) != (PF_P | PF_RSVD))
		return probe_no(p, "#PF with error code 0x%llx, without P or RSVD",
				(unsigned long long)s.error);
	return 1;
}

static int rf_pushed(struct probe_vm *p)
{
	struct probe_seen s;

	if (probe_play(p, PROBE_LONG, CODE("\x0f\x0b"), &s)) /* ud2 */
		return 0;
	if (s.kind != PROBE_VECTOR || s.vector != X86_UD)
		return probe_not(p, &s, "ud2");
	return s.rflags & X86_FLAG_RF
		       ? 1
		       : probe_no(p, "the pushed RFLAGS are 0x%llx", (unsigned long long)s.rflags);
}

/* ---- exits ----------------------------------------------------------------------------------- */

/* mov ecx, MSR_NONE; rdmsr */
static const char read_msr[] = "\xb9\x8f\x4d\x56\x4b\x0f\x32";

static int msr_answers(struct probe_vm *p, uint32_t reason)
{
	struct kvm_run *run;
	struct probe_seen s;

	if (probe_play(p, PROBE_LONG, CODE(read_msr), &s))
		return 0;
	if (!is_exit(&s, KVM_EXIT_X86_RDMSR))
		return probe_not(p, &s, "rdmsr");
	run = p->cpu.run;
	if (!(run->msr.reason & reason) || run->msr.index != MSR_NONE)
		return probe_no(p, "MSR exit for 0x%x with reason %u", run->msr.index,
				run->msr.reason);
	run->msr.error = 1;
	probe_next(p, PROBE_MS, &s);
	if (s.kind != PROBE_VECTOR || s.vector != X86_GP || s.rip != PROBE_CODE + 5)
		return probe_not(p, &s, "rdmsr answered with an error");
	return 1;
}

static int msr_exits(struct probe_vm *p)
{
	if (kvm_vm_enable_cap(&p->vm, KVM_CAP_X86_USER_SPACE_MSR,
			      KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL, &p->err))
		return probe_host(p);
	return msr_answers(p, KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL);
}

static int msr_filter(struct probe_vm *p)
{
	uint8_t deny[8] = {0};
	struct kvm_msr_filter_range r = {.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
					 .base = MSR_NONE,
					 .nmsrs = 1,
					 .bitmap = deny};

	if (kvm_vm_enable_cap(&p->vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER,
			      &p->err) ||
	    kvm_set_msr_filter(&p->vm, KVM_MSR_FILTER_DEFAULT_ALLOW, &r, 1, &p->err))
		return probe_host(p);
	return msr_answers(p, KVM_MSR_EXIT_REASON_FILTER);
}

/* The other vendor's hypercall too: an answer, #UD or an exit, but no hang. */
static int hypercall(struct probe_vm *p)
{
	struct probe_seen s;

	/* vmcall, then vmmcall in the same place */
	if (probe_cpu(p, PROBE_LONG, CODE("\x0f\x01\xc1")))
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		p->mem[PROBE_CODE + 2] = i ? 0xd9 : 0xc1;
		p->regs.rax = 0x7fff; /* no hypercall of KVM */
		if (probe_start(p))
			return 0;
		probe_next(p, PROBE_MS, &s);
		if (s.kind == PROBE_TIMEOUT || s.kind == PROBE_EMU || s.kind == PROBE_HOST)
			return probe_not(p, &s, i ? "vmmcall" : "vmcall");
	}
	return 1;
}

static int bus_lock(struct probe_vm *p)
{
	struct probe_seen s;
	int cap = kvm_vm_check(&p->vm, BUS_LOCK_CAP);

	if (cap < 0 || !(cap & (int)BUS_LOCK_BY_EXIT))
		return probe_no(p, "KVM has no bus lock exits (KVM_CAP_X86_BUS_LOCK_EXIT is %d)",
				cap);
	if (kvm_vm_enable_cap(&p->vm, BUS_LOCK_CAP, BUS_LOCK_BY_EXIT, &p->err))
		return probe_host(p);
	if (probe_play(p, PROBE_LONG, CODE("\xf0\xff\x43\x3e"), &s)) /* lock inc dword [rbx + 62] */
		return 0;
	if (is_exit(&s, BUS_LOCK_EXIT) || p->cpu.run->flags & KVM_RUN_X86_BUS_LOCK)
		return 1;
	return probe_not(p, &s, "lock inc across a cache line");
}

static int triple_keeps(struct probe_vm *p)
{
	struct probe_seen s;

	if (probe_cpu(p, PROBE_LONG, CODE("\x90\x0f\x0b"))) /* nop; ud2 */
		return 0;
	p->sregs.idt.limit = 0;
	if (probe_start(p))
		return 0;
	probe_next(p, PROBE_MS, &s);
	if (!is_exit(&s, KVM_EXIT_SHUTDOWN))
		return probe_not(p, &s, "ud2 without an IDT");
	return s.rip == PROBE_CODE + 1 ? 1
				       : probe_no(p, "after the triple fault RIP is 0x%llx",
						  (unsigned long long)s.rip);
}

static int readonly_slots(struct probe_vm *p)
{
	struct probe_seen s;

	if (kvm_vm_check(&p->vm, KVM_CAP_READONLY_MEM) <= 0)
		return probe_no(p, "KVM_CAP_READONLY_MEM is absent");
	if (kvm_set_memory(&p->vm, 1, KVM_MEM_READONLY, PROBE_MMIO, 4096, p->mem + PROBE_DATA,
			   &p->err))
		return probe_host(p);
	/* mov eax, [2M]; mov [2M], eax: the load is done, the store exits */
	if (probe_play(p, PROBE_LONG,
		       CODE("\x8b\x04\x25\x00\x00\x20\x00\x89\x04\x25\x00\x00\x20\x00"), &s))
		return 0;
	if (!is_exit(&s, KVM_EXIT_MMIO) || !p->cpu.run->mmio.is_write)
		return probe_not(p, &s, "a store to a read-only slot");
	return 1;
}

static int sync_all(struct probe_vm *p)
{
	int cap = kvm_vm_check(&p->vm, KVM_CAP_SYNC_REGS);

	if (cap < 0 || (cap & 3) != 3)
		return probe_no(p, "KVM_CAP_SYNC_REGS is %d: no registers and special registers",
				cap);
	return 1;
}

static int sync_regs(struct probe_vm *p)
{
	struct kvm_run *run;
	struct probe_seen s;

	if (!sync_all(p) || probe_cpu(p, PROBE_LONG, CODE("\xe6\x80\x90")) || probe_start(p))
		return 0;
	run = p->cpu.run;
	run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	probe_next(p, PROBE_MS, &s); /* out 0x80, al */
	if (!is_exit(&s, KVM_EXIT_IO))
		return probe_not(p, &s, "out");
	if (run->s.regs.regs.rbx != PROBE_DATA)
		return probe_no(p, "RBX is 0x%llx in the shared page, not 0x%x",
				(unsigned long long)run->s.regs.regs.rbx, PROBE_DATA);
	run->s.regs.regs.rbx = 0x1234;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	probe_next(p, PROBE_MS, &s);
	if (s.regs.rbx != 0x1234)
		return probe_no(p, "RBX set through the shared page did not arrive");
	return 1;
}

static int sync_regs_in(struct probe_vm *p)
{
	struct kvm_run *run;
	struct probe_seen s;

	if (!sync_all(p) || probe_cpu(p, PROBE_LONG, CODE("\xe4\x80\x90")) || probe_start(p))
		return 0;
	run = p->cpu.run;
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	probe_next(p, PROBE_MS, &s); /* in al, 0x80 */
	if (!is_exit(&s, KVM_EXIT_IO))
		return probe_not(p, &s, "in");
	((uint8_t *)run)[run->io.data_offset] = 0x99;
	run->s.regs.regs.rbx = 0x1234;
	run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	probe_next(p, PROBE_MS, &s);
	if ((s.regs.rax & 0xff) != 0x99)
		return probe_no(p, "setting registers while IN waits loses its data: AL is 0x%llx",
				(unsigned long long)(s.regs.rax & 0xff));
	return 1;
}

static int ins_batch(struct probe_vm *p)
{
	struct probe_seen s;

	/* mov edi, ebx; mov ecx, 4; mov edx, 0x80; rep insb */
	if (probe_play(p, PROBE_LONG,
		       CODE("\x89\xdf\xb9\x04\x00\x00\x00\xba\x80\x00\x00\x00\xf3\x6c"), &s))
		return 0;
	if (!is_exit(&s, KVM_EXIT_IO))
		return probe_not(p, &s, "rep insb");
	return p->cpu.run->io.count > 1
		       ? 1
		       : probe_no(p, "rep insb of 4 exits with count %u", p->cpu.run->io.count);
}

/* The x87 load from MMIO is in no emulator: does the exit carry the instruction's bytes? */
static int emulation_exit(struct probe_vm *p)
{
	struct probe_seen s;

	/* fld dword [2M] */
	if (probe_play(p, PROBE_LONG, CODE("\xd9\x04\x25\x00\x00\x20\x00"), &s))
		return 0;
	if (s.kind != PROBE_EMU)
		return probe_not(p, &s, "fld from MMIO");
	if (s.insn_len < 2 || s.insn[0] != 0xd9 || s.insn[1] != 0x04)
		return probe_no(p, "the exit gives no or other bytes (%u of them)", s.insn_len);
	return 1;
}

static int dirty_log(struct probe_vm *p)
{
	uint64_t bits[PROBE_MEM / 4096 / 64] = {0};
	struct probe_seen s;

	if (kvm_set_memory(&p->vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, PROBE_MEM, p->mem, &p->err))
		return probe_host(p);
	if (probe_play(p, PROBE_LONG, CODE("\x89\x03"), &s)) /* mov [rbx], eax */
		return 0;
	if (kvm_get_dirty_log(&p->vm, 0, bits, &p->err))
		return probe_host(p);
	return bits[0] >> (PROBE_DATA / 4096) & 1
		       ? 1
		       : probe_no(p, "the log lacks a page that the guest wrote to");
}

/* KVM_SET_SREGS with each of these must be refused. */
static int sregs_checks(struct probe_vm *p)
{
	struct kvm_sregs s;

	if (probe_cpu(p, PROBE_LONG, CODE("\x90")) || probe_start(p))
		return 0;
	for (unsigned i = 0; i < 5; i++) {
		static const char *const rule[] = {"CR0.PG without PE", "CR0.NW without CD",
						   "CR0 above 32 bits", "long mode without PAE",
						   "EFER.LMA without LME"};

		s = p->sregs;
		s.cr0 = i == 0 ? s.cr0 & ~X86_CR0_PE : s.cr0;
		s.cr0 |= i == 1 ? X86_CR0_NW : i == 2 ? 1ull << 32 : 0;
		s.cr4 = i == 3 ? s.cr4 & ~X86_CR4_PAE : s.cr4;
		s.efer = i == 4 ? X86_EFER_LMA : s.efer;
		if (!kvm_set_sregs(&p->cpu, &s, &p->err))
			return probe_no(p, "KVM_SET_SREGS accepts %s", rule[i]);
	}
	return 1;
}

/* ---- interrupts --------------------------------------------------------------------------------
 */

static int wait_vector(struct probe_vm *p, unsigned vector, const char *what)
{
	struct probe_seen s;

	probe_next(p, PROBE_MS, &s);
	if (s.kind != PROBE_VECTOR || s.vector != vector)
		return probe_not(p, &s, what);
	return 1;
}

static int nmi(struct probe_vm *p)
{
	if (probe_cpu(p, PROBE_LONG, CODE("\x90\x90")) || probe_start(p))
		return 0;
	if (kvm_nmi(&p->cpu, &p->err))
		return probe_host(p);
	return wait_vector(p, X86_NMI, "KVM_NMI");
}

static int interrupt(struct probe_vm *p)
{
	if (probe_cpu(p, PROBE_LONG, CODE("\x90\x90")))
		return 0;
	p->regs.rflags |= X86_FLAG_IF;
	if (probe_start(p))
		return 0;
	if (kvm_interrupt(&p->cpu, 0x40, &p->err))
		return probe_host(p);
	return wait_vector(p, 0x40, "KVM_INTERRUPT 0x40");
}

static int inject_exception(struct probe_vm *p)
{
	struct kvm_vcpu_events e;

	if (probe_cpu(p, PROBE_LONG, CODE("\x90\x90")) || probe_start(p))
		return 0;
	if (kvm_get_events(&p->cpu, &e, &p->err))
		return probe_host(p);
	e.exception.injected = 1;
	e.exception.nr = X86_UD;
	if (kvm_set_events(&p->cpu, &e, &p->err))
		return probe_host(p);
	return wait_vector(p, X86_UD, "an injected #UD");
}

/* STI; NOP (its shadow); then the window must be open at once, three machines in a row. */
static int window_exact(struct probe_vm *p)
{
	static const uint8_t code[] = {0x90, 0xfb, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfe};
	struct probe_seen s;

	if (probe_cpu(p, PROBE_LONG, code, sizeof(code)))
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		if (probe_start(p))
			return 0;
		p->cpu.run->request_interrupt_window = 1;
		probe_next(p, PROBE_MS, &s);
		p->cpu.run->request_interrupt_window = 0;
		if (!is_exit(&s, KVM_EXIT_IRQ_WINDOW_OPEN))
			return probe_not(p, &s, "waiting for the interrupt window");
		if (s.rip != PROBE_CODE + 3)
			return probe_no(p, "the window is reported at 0x%llx, open since 0x%x",
					(unsigned long long)s.rip, PROBE_CODE + 3);
	}
	return 1;
}

/* A shadow set from outside: the window is open behind the first NOP, not before it. */
static int shadow(struct probe_vm *p)
{
	static const uint8_t code[] = {0x90, 0x90, 0xeb, 0xfe};
	struct kvm_vcpu_events e;
	struct probe_seen s;

	if (probe_cpu(p, PROBE_LONG, code, sizeof(code)))
		return 0;
	p->regs.rflags |= X86_FLAG_IF;
	if (probe_start(p))
		return 0;
	if (kvm_get_events(&p->cpu, &e, &p->err))
		return probe_host(p);
	e.flags |= KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	if (kvm_set_events(&p->cpu, &e, &p->err))
		return probe_host(p);
	p->cpu.run->request_interrupt_window = 1;
	probe_next(p, PROBE_MS, &s);
	p->cpu.run->request_interrupt_window = 0;
	if (!is_exit(&s, KVM_EXIT_IRQ_WINDOW_OPEN))
		return probe_not(p, &s, "waiting for the interrupt window");
	return s.rip > PROBE_CODE ? 1 : probe_no(p, "the window is open before the instruction");
}

/* ---- speed -------------------------------------------------------------------------------------
 */

/* mov ecx, 1000000; dec ecx; jnz: two million instructions; best of three. */
static int speed(struct probe_vm *p, enum probe_mode mode, unsigned mips)
{
	const unsigned insns = 2000000;
	uint64_t best = UINT64_MAX;
	struct timespec t0, t1;
	struct probe_seen s;

	if (probe_cpu(p, mode, CODE("\xb9\x40\x42\x0f\x00\xff\xc9\x75\xfc")))
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t ns;

		if (probe_start(p))
			return 0;
		clock_gettime(CLOCK_MONOTONIC, &t0);
		probe_next(p, 2 * insns / mips / 1000 + 20, &s);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		/* with most of it still to do, another try is a waste */
		if (s.kind == PROBE_TIMEOUT && (uint32_t)s.regs.rcx > insns / 4)
			break;
		if (s.kind == PROBE_TIMEOUT)
			continue;
		if (s.kind != PROBE_DONE)
			return probe_not(p, &s, "a loop of two instructions");
		ns = (uint64_t)(t1.tv_sec - t0.tv_sec) * 1000000000u +
		     (uint64_t)(t1.tv_nsec - t0.tv_nsec);
		best = ns < best ? ns : best;
	}
	if (best == UINT64_MAX)
		return probe_no(p, "two million instructions took over %u ms: under %u million/s",
				2 * insns / mips / 1000 + 20, mips);
	if ((uint64_t)insns * 1000 / best < mips)
		return probe_no(p, "%llu million instructions/s, under %u",
				(unsigned long long)((uint64_t)insns * 1000 / best), mips);
	return 1;
}

static int native_cpl0(struct probe_vm *p)
{
	return speed(p, PROBE_LONG, 100);
}

static int native_cpl3(struct probe_vm *p)
{
	return speed(p, PROBE_USER, 100);
}

const struct probe_impl probe_exits[] = {
	{"kvm", usable},
	{"kvm-ac-cpl3", ac_cpl3},
	{"kvm-bus-lock-exit", bus_lock},
	{"kvm-cpuid-cpl0", cpuid_cpl0},
	{"kvm-cpuid-cpl3", cpuid_cpl3},
	{"kvm-dirty-log", dirty_log},
	{"kvm-emulation-exit", emulation_exit},
	{"kvm-hypercall-ud", hypercall},
	{"kvm-inject-exception", inject_exception},
	{"kvm-ins-batch", ins_batch},
	{"kvm-interrupt", interrupt},
	{"kvm-io-bitmap", io_bitmap},
	{"kvm-iopl", iopl},
	{"kvm-msr-exits", msr_exits},
	{"kvm-msr-filter", msr_filter},
	{"kvm-nmi", nmi},
	{"kvm-paging-pae", paging_pae},
	{"kvm-paging32", paging32},
	{"kvm-pf-reserved", pf_reserved},
	{"kvm-readonly-slots", readonly_slots},
	{"kvm-rf-pushed", rf_pushed},
	{"kvm-shadow", shadow},
	{"kvm-sregs-checks", sregs_checks},
	{"kvm-sync-regs", sync_regs},
	{"kvm-sync-regs-in", sync_regs_in},
	{"kvm-syscall", syscall_cpl3},
	{"kvm-triple-keeps-state", triple_keeps},
	{"kvm-tsc-settable", tsc_settable},
	{"kvm-tsd-cpl3", tsd_cpl3},
	{"kvm-window-exact", window_exact},
	{"kvm-xgetbv-cpl0", xgetbv_cpl0},
	{"silicon-cpl0", native_cpl0},
	{"silicon-cpl3", native_cpl3},
	{NULL, NULL},
};
