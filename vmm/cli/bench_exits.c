/* SPDX-License-Identifier: MIT */
/* bench exits: what Vise adds to an exit. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <vmm/kvm.h>

#include "bench.h"
#include "fuzz.h"

#define ROUNDS	     15u
#define KVM_EXITS    2000u  /* a round, each side */
#define SCRIPT_EXITS 20000u /* a round */
#define BARE_MEM     0x100000u

enum kind { KIND_PIO, KIND_MMIO, KIND_HLT, KINDS };

/* An endless loop around the one instruction. */
static const struct {
	const char *name;
	enum x86_mode mode;
	unsigned char code[16];
	unsigned len;
	const char *line; /* the same as a script */
} guests[KINDS] = {
	/* mov dx, 0x700; mov al, 0x5a; again: out dx, al; jmp again */
	{"pio",
	 X86_REAL,
	 {0xba, 0x00, 0x07, 0xb0, 0x5a, 0xee, 0xeb, 0xfd},
	 8,
	 "pio w 0x700 1 0x5a\n"},
	/* mov edi, 0xfeb00000; again: mov [edi], eax; jmp again */
	{"mmio",
	 X86_PROT,
	 {0xbf, 0x00, 0x00, 0xb0, 0xfe, 0x89, 0x07, 0xeb, 0xfc},
	 9,
	 "mmio w 0xfeb00000 4 0x0\n"},
	/* again: hlt; jmp again */
	{"hlt", X86_REAL, {0xf4, 0xeb, 0xfd}, 3, "hlt\n"},
};

/* ---- the bare loop ---- */

struct bare {
	struct kvm kvm;
	struct kvm_vm vm;
	struct kvm_vcpu vcpu;
	void *mem;
};

static void bare_free(struct bare *b)
{
	kvm_vcpu_close(&b->vcpu);
	kvm_vm_close(&b->vm);
	kvm_close(&b->kvm);
	if (b->mem)
		munmap(b->mem, BARE_MEM);
}

static int bare_new(struct bare *b, enum kind kind, struct err *err)
{
	struct kvm_regs regs = {.rflags = X86_FLAG_FIXED, .rip = GUEST_BASE};
	struct kvm_segment flat = {.limit = 0xffffffff,
				   .type = 3,
				   .s = 1,
				   .present = 1,
				   .db = 1,
				   .g = 1,
				   .selector = 16};
	struct kvm_sregs sregs;
	int rc;

	*b = (struct bare){0};
	b->mem = mmap(NULL, BARE_MEM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->mem == MAP_FAILED) {
		b->mem = NULL;
		return err_set(err, -errno, "no memory for a guest");
	}
	memcpy((char *)b->mem + GUEST_BASE, guests[kind].code, guests[kind].len);
	rc = kvm_open(&b->kvm, NULL, err);
	if (!rc)
		rc = kvm_vm_create(&b->kvm, &b->vm, err);
	if (!rc)
		rc = kvm_set_memory(&b->vm, 0, 0, 0, BARE_MEM, b->mem, err);
	if (!rc)
		rc = kvm_vcpu_create(&b->vm, 0, &b->vcpu, err);
	if (!rc)
		rc = kvm_get_sregs(&b->vcpu, &sregs, err);
	if (rc)
		return rc;
	sregs.cs.base = sregs.cs.selector = 0;
	if (guests[kind].mode == X86_PROT) {
		sregs.ds = sregs.es = sregs.ss = flat;
		flat.type = 11;
		flat.selector = 8;
		sregs.cs = flat;
		sregs.cr0 |= X86_CR0_PE;
	}
	rc = kvm_set_sregs(&b->vcpu, &sregs, err);
	return rc ? rc : kvm_set_regs(&b->vcpu, &regs, err);
}

/* Seconds for (n) exits of the right kind. */
static double bare_run(struct bare *b, enum kind kind, unsigned n)
{
	static const unsigned reasons[KINDS] = {KVM_EXIT_IO, KVM_EXIT_MMIO, KVM_EXIT_HLT};
	uint64_t start = cli_now_ns();

	for (unsigned i = 0; i < n; i++) {
		if (!b->vcpu.run || ioctl(b->vcpu.fd, KVM_RUN, 0) < 0 ||
		    b->vcpu.run->exit_reason != reasons[kind])
			return -1;
	}
	return (double)(cli_now_ns() - start) / 1e9;
}

/* ---- the same through Vise ---- */

static struct vm *machine(enum kind kind, const char *script, size_t len, struct err *err)
{
	struct vm_spec spec = {.cpu = script ? VM_CPU_SCRIPT : VM_CPU_KVM,
			       .script = script,
			       .script_len = len,
			       .mem = VM_MEM_MIN,
			       .hlt_resumes = true};
	struct vm *vm;

	if (!script) {
		spec.load.kind = LOAD_FLAT;
		spec.load.base = GUEST_BASE;
		spec.load.mode = guests[kind].mode;
		spec.load.image.data = guests[kind].code;
		spec.load.image.len = guests[kind].len;
	}
	return vm_new(&vm, &spec, err) ? NULL : vm;
}

/* Seconds for (n) exits, or -1. */
static double vise_run(struct vm *vm, unsigned n, struct vm_result *res)
{
	struct vm_limits lim = {.budget = n};
	uint64_t start = cli_now_ns();

	vm_run(vm, &lim, res);
	return res->verdict == VM_LIMIT ? (double)(cli_now_ns() - start) / 1e9 : -1;
}

static int kvm_case(const struct bench_opts *o, enum kind kind, unsigned rounds, struct err *err)
{
	double v[BENCH_ROUNDS_MAX], b[BENCH_ROUNDS_MAX], vise, bare_us;
	struct vm_result res = {0};
	char name[32];
	struct bare bare;
	struct vm *vm;
	int rc = bare_new(&bare, kind, err);

	vm = rc ? NULL : machine(kind, NULL, 0, err);
	if (!rc && !vm)
		rc = err->code ? err->code : -EIO;
	if (!rc && (vise_run(vm, KVM_EXITS, &res) < 0 || bare_run(&bare, kind, KVM_EXITS) < 0))
		rc = err_set(err, -EIO, "the %s guest made another exit than that: %s",
			     guests[kind].name, res.reason);
	/* In turns, so that what else the host does meets both. */
	for (unsigned i = 0; i < rounds && !rc; i++) {
		b[i] = bare_run(&bare, kind, KVM_EXITS);
		v[i] = vise_run(vm, KVM_EXITS, &res);
		if (v[i] < 0 || b[i] < 0)
			rc = err_set(err, -EIO, "the %s guest ended: %s", guests[kind].name,
				     res.reason);
	}
	if (!rc) {
		vise = bench_median(v, rounds) / KVM_EXITS * 1e6;
		bare_us = bench_median(b, rounds) / KVM_EXITS * 1e6;
		snprintf(name, sizeof(name), "%s/kvm", guests[kind].name);
		bench_figure(o, "exits", name, vise, "us", vise / bare_us, "bare KVM_RUN loop");
		snprintf(name, sizeof(name), "%s/bare", guests[kind].name);
		bench_figure(o, "exits", name, bare_us, "us", 0, NULL);
	}
	vm_free(vm);
	bare_free(&bare);
	return rc;
}

static int script_case(const struct bench_opts *o, enum kind kind, unsigned rounds, struct err *err)
{
	double v[BENCH_ROUNDS_MAX];
	struct buf script = {0};
	char name[32];
	int rc = 0;

	for (unsigned i = 0; i <= SCRIPT_EXITS; i++)
		buf_printf(&script, "%s", guests[kind].line);
	for (unsigned i = 0; i < rounds && !rc; i++) {
		struct vm *vm = machine(kind, buf_str(&script), script.len, err);
		struct vm_result res = {0};

		v[i] = vm ? vise_run(vm, SCRIPT_EXITS, &res) : -1;
		if (v[i] < 0)
			rc = err->code ? err->code
				       : err_set(err, -EIO, "the script ended: %s", res.reason);
		vm_free(vm);
	}
	buf_free(&script);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "%s/script", guests[kind].name);
	bench_figure(o, "exits", name, bench_median(v, rounds) / SCRIPT_EXITS * 1e6, "us", 0, NULL);
	return 0;
}

int bench_exits(const struct bench_opts *o)
{
	unsigned rounds = o->rounds ? (unsigned)o->rounds : ROUNDS;
	struct err err = {0};
	int st = ST_PASS;

	for (int kind = 0; kind < KINDS && !st; kind++) {
		if (kvm_case(o, (enum kind)kind, rounds, &err))
			st = cli_fail(ST_START, "bench exits: %s", err.msg);
	}
	/* These need no KVM. */
	for (int kind = 0; kind < KINDS; kind++) {
		err = (struct err){0};
		if (script_case(o, (enum kind)kind, rounds, &err))
			st = cli_fail(ST_START, "bench exits: %s", err.msg);
	}
	return st;
}
