/* SPDX-License-Identifier: MIT */
/*
 * insn_kvm: KVM's emulator beside the software CPU, for a replay program of fuzz/targets/mmio_insn.c
 * that is asked for it by VISE_KVM=1. Included once, behind all that it compares with.
 */
#ifndef FUZZ_ENGINE_INSN_KVM_H
#define FUZZ_ENGINE_INSN_KVM_H

static struct machine kvm_m; /* its memory and its accesses */
static bool kvm_gap;

static enum cpu_answer on_kvm(void *ctx, struct cpu_exit *e)
{
	(void)ctx;
	switch (e->kind) {
	case CPU_EXIT_PIO:
	case CPU_EXIT_MMIO:
		if (e->kind == CPU_EXIT_PIO && e->pio.count != 1)
			kvm_gap = true;
		else
			on_exit_of(&kvm_m, e);
		return CPU_GO;
	case CPU_EXIT_HLT:
		return CPU_HALT;
	default: /* an instruction that it has not, or an end that soft did not have */
		kvm_gap = true;
		return CPU_HALT;
	}
}

/* Plain instructions and HLT: what KVM emulates without gaps that KVM-NOTES would have to list. */
static bool all_plain(const struct cpu_state *s, const uint8_t *code, size_t len)
{
	struct insn i;

	for (size_t at = 0; at < len; at += i.len) {
		if (insn_decode(code + at, len - at, x86_code_bits(s), &i) <= 0 || !is_plain(&i) ||
		    (i.flags & INSN_F_LOCK))
			return false;
		for (unsigned k = 0; k < i.nr; k++)
			if (i.o[k].kind == INSN_REG && i.o[k].cls == INSN_XMM)
				return false;
	}
	return true;
}

static void by_kvm(const struct cpu_state *start, const uint8_t *code, size_t len)
{
	static struct cpu *cpu;
	static bool asked;
	struct cpu_state end, want;
	struct err err = {0};

	if (!asked) {
		struct cpu_config cfg = {
			.host = {NULL, on_kvm, on_ack}, .track_dirty = true, .all_of_cpuid = true};

		asked = true;
		cfg.cpuid = x86_cpuid_template("v2", &cfg.nr_cpuid);
		if (getenv("VISE_KVM") && !gmem_new(&kvm_m.mem, &err) &&
		    !gmem_add(kvm_m.mem, 0, INSN_RAM, GMEM_RAM, &err)) {
			cfg.mem = kvm_m.mem;
			if (cpu_kvm_new(&cpu, &cfg, &err)) {
				fprintf(stderr, "# no comparison with KVM: %s\n", err.msg);
				cpu = NULL;
			}
		}
	}
	memset(&want, 0, sizeof(want));
	soft_get(mach[0].soft, &want);
	if (!cpu || !all_plain(start, code, len) || want.rip - INSN_HLT < 16 ||
	    start->seg[X86_CS].sel == SEL_UCODE64)
		return;
	/* Memory as at the start: from the snapshot, then the code. */
	FUZZ_ORACLE(
		!gmem_restore(mach[1].mem, mach[1].snap) &&
			!gmem_write(kvm_m.mem, 0, gmem_ro(mach[1].mem, 0, INSN_RAM), INSN_RAM) &&
			!gmem_write(kvm_m.mem, INSN_AT, code, len) &&
			!gmem_set(kvm_m.mem, INSN_AT + len, 0xf4, 16),
		"kvm", "memory");
	kvm_m.n = 0;
	kvm_m.hash = 0;
	kvm_m.over = kvm_gap = false;
	if (cpu->ops->set(cpu, start, &err))
		return;
	if (cpu->ops->run(cpu, 4096, 2000) != CPU_STOP_HOST || kvm_gap)
		return;
	memset(&end, 0, sizeof(end));
	FUZZ_ORACLE(!cpu->ops->get(cpu, &end, &err), "kvm", "%s", err.msg);
	same_accesses(&mach[0], &kvm_m, "KVM");
	FUZZ_ORACLE(!memcmp(end.gpr, want.gpr, sizeof(end.gpr)) && end.rip == want.rip, "kvm-state",
		    "rip %#llx, KVM: %#llx, or a register", (unsigned long long)want.rip,
		    (unsigned long long)end.rip);
}

#endif
