/* SPDX-License-Identifier: MIT */
/* Probes of guest debugging: KVM_SET_GUEST_DEBUG and the guest's own trap flag. */
#include "vm_probe_priv.h"

#define DR7_EXEC0  0x601ull   /* break 0: local, on execution (SDM 17.2.4); bit 10 is fixed */
#define DR7_WRITE0 0xd0601ull /* break 0: local, on writes of 4 bytes */
static const uint8_t nops[] = {0x90, 0x90, 0x90, 0x90};

static int arm(struct probe_vm *p, uint32_t control, uint64_t dr0, uint64_t dr7)
{
	struct kvm_guest_debug d = {.control = control ? KVM_GUESTDBG_ENABLE | control : 0};

	d.arch.debugreg[0] = dr0;
	d.arch.debugreg[7] = dr7;
	return kvm_set_guest_debug(&p->cpu, &d, &p->err);
}

static bool is_debug(const struct probe_seen *s)
{
	return s->kind == PROBE_EXIT && s->raw == KVM_EXIT_DEBUG;
}

/* Make the machine, arm, run to the first exit, disarm: nothing is to stay in debug registers. */
static int debug_once(struct probe_vm *p, enum probe_mode mode, const void *code, unsigned len,
		      uint32_t control, uint64_t dr0, uint64_t dr7, struct probe_seen *s)
{
	if (probe_cpu(p, mode, code, len) || probe_start(p))
		return -1;
	if (arm(p, control, dr0, dr7)) {
		probe_host(p);
		return -1;
	}
	probe_next(p, PROBE_MS, s);
	return 0;
}

static void disarm(struct probe_vm *p)
{
	struct probe_seen rest;

	if (!arm(p, 0, 0, 0))
		probe_next(p, PROBE_MS, &rest);
}

static int step_in(struct probe_vm *p, enum probe_mode mode)
{
	struct probe_seen s;

	if (debug_once(p, mode, nops, sizeof(nops), KVM_GUESTDBG_SINGLESTEP, 0, 0, &s))
		return 0;
	for (unsigned i = 1; i <= 3; i++) {
		if (!is_debug(&s))
			return probe_not(p, &s, "a single step over nop");
		if (p->cpu.run->debug.arch.pc != PROBE_CODE + i)
			return probe_no(p, "step %u stopped at 0x%llx, not 0x%x", i,
					(unsigned long long)p->cpu.run->debug.arch.pc,
					PROBE_CODE + i);
		probe_next(p, PROBE_MS, &s);
	}
	return 1;
}

static int step(struct probe_vm *p)
{
	return step_in(p, PROBE_LONG);
}

static int step_cpl3(struct probe_vm *p)
{
	return step_in(p, PROBE_USER);
}

/* The HLT behind one nop: is its exit seen, or does the step swallow it? */
static int step_hlt(struct probe_vm *p)
{
	struct probe_seen s;

	if (debug_once(p, PROBE_LONG, nops, 1, KVM_GUESTDBG_SINGLESTEP, 0, 0, &s))
		return 0;
	if (is_debug(&s))
		probe_next(p, PROBE_MS, &s);
	return s.kind == PROBE_DONE ? 1 : probe_not(p, &s, "a single step over hlt");
}

/* After OUT comes the step's own stop, at the instruction behind it. */
static int step_out(struct probe_vm *p)
{
	static const uint8_t code[] = {0xe6, 0x80, 0x90, 0x90}; /* out 0x80, al; nop; nop */
	struct probe_seen s;

	if (debug_once(p, PROBE_LONG, code, sizeof(code), KVM_GUESTDBG_SINGLESTEP, 0, 0, &s))
		return 0;
	if (s.kind != PROBE_EXIT || s.raw != KVM_EXIT_IO)
		return probe_not(p, &s, "a single step over out");
	probe_next(p, PROBE_MS, &s);
	if (!is_debug(&s))
		return probe_not(p, &s, "after out under single-step");
	if (p->cpu.run->debug.arch.pc != PROBE_CODE + 2)
		return probe_no(p, "the step over out stopped at 0x%llx, not 0x%x",
				(unsigned long long)p->cpu.run->debug.arch.pc, PROBE_CODE + 2);
	return 1;
}

static int hw_break_in(struct probe_vm *p, enum probe_mode mode)
{
	struct probe_seen s;

	if (debug_once(p, mode, nops, sizeof(nops), KVM_GUESTDBG_USE_HW_BP, PROBE_CODE + 2,
		       DR7_EXEC0, &s))
		return 0;
	if (!is_debug(&s))
		return probe_not(p, &s, "an execution breakpoint");
	if (p->cpu.run->debug.arch.pc != PROBE_CODE + 2)
		return probe_no(p, "the breakpoint stopped at 0x%llx, not 0x%x",
				(unsigned long long)p->cpu.run->debug.arch.pc, PROBE_CODE + 2);
	disarm(p);
	return 1;
}

static int hw_break(struct probe_vm *p)
{
	return hw_break_in(p, PROBE_LONG);
}

static int hw_break_cpl3(struct probe_vm *p)
{
	return hw_break_in(p, PROBE_USER);
}

static int hw_watch(struct probe_vm *p)
{
	static const uint8_t code[] = {0x89, 0x03, 0x90}; /* mov [rbx], eax; nop */
	struct probe_seen s;

	if (debug_once(p, PROBE_LONG, code, sizeof(code), KVM_GUESTDBG_USE_HW_BP, PROBE_DATA,
		       DR7_WRITE0, &s))
		return 0;
	if (!is_debug(&s))
		return probe_not(p, &s, "a watched write");
	disarm(p);
	return 1;
}

static int sw_break(struct probe_vm *p)
{
	static const uint8_t code[] = {0x90, 0xcc, 0x90};
	struct probe_seen s;

	if (debug_once(p, PROBE_LONG, code, sizeof(code), KVM_GUESTDBG_USE_SW_BP, 0, 0, &s))
		return 0;
	return is_debug(&s) ? 1 : probe_not(p, &s, "int3 with software breakpoints on");
}

/* The guest sets TF itself: #DB after the instruction behind POPF. */
static int guest_tf_in(struct probe_vm *p, enum probe_mode mode)
{
	/* pushfq; or dword [rsp], 0x100; popfq; nop; nop */
	static const uint8_t code[] = {0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01,
				       0x00, 0x00, 0x9d, 0x90, 0x90};
	struct probe_seen s;

	if (probe_play(p, mode, code, sizeof(code), &s))
		return 0;
	if (s.kind != PROBE_VECTOR || s.vector != X86_DB)
		return probe_not(p, &s, "an instruction with TF set");
	if (s.rip != PROBE_CODE + 10)
		return probe_no(p, "#DB came at 0x%llx, not 0x%x", (unsigned long long)s.rip,
				PROBE_CODE + 10);
	return 1;
}

static int guest_tf(struct probe_vm *p)
{
	return guest_tf_in(p, PROBE_LONG);
}

static int guest_tf_cpl3(struct probe_vm *p)
{
	return guest_tf_in(p, PROBE_USER);
}

const struct probe_impl probe_debugs[] = {
	{"kvm-guest-tf", guest_tf},
	{"kvm-guest-tf-cpl3", guest_tf_cpl3},
	{"kvm-hw-break", hw_break},
	{"kvm-hw-break-cpl3", hw_break_cpl3},
	{"kvm-hw-watch", hw_watch},
	{"kvm-step", step},
	{"kvm-step-cpl3", step_cpl3},
	{"kvm-step-hlt", step_hlt},
	{"kvm-step-out", step_out},
	{"kvm-sw-break", sw_break},
	{NULL, NULL},
};
