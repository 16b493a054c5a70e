/* SPDX-License-Identifier: MIT */
/* The kvm back end's run loop: exits of tiny guests, and where they leave the registers. */
#include "test_kvm.h"

#define MMIO 0xd0000000u

/* ---- ports ---------------------------------------------------------------------------------- */

static void pio_widths(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	rig_boot_bytes(r, X86_REAL, 0xba, 0xf8, 0x03,	   /* mov dx, 0x3f8 */
		       0xb0, 0x41, 0xee,		   /* mov al, 0x41; out dx, al */
		       0xb8, 0x34, 0x12, 0xef,		   /* mov ax, 0x1234; out dx, ax */
		       0x66, 0xb8, 0xef, 0xbe, 0xad, 0xde, /* mov eax, 0xdeadbeef */
		       0x66, 0xef,			   /* out dx, eax */
		       0xec, 0xed, 0x66, 0xed, 0xf4);	   /* in al; in ax; in eax; hlt */
	r->answer = 0x80;
	kvm_go(r);
	assert_int_equal(r->n, 7);
	assert_pio(r->log[0], true, 0x3f8, 1, 0x41);
	assert_pio(r->log[1], true, 0x3f8, 2, 0x1234);
	assert_pio(r->log[2], true, 0x3f8, 4, 0xdeadbeef);
	assert_pio(r->log[3], false, 0x3f8, 1, 0x80);
	assert_pio(r->log[4], false, 0x3f8, 2, 0x81);
	assert_pio(r->log[5], false, 0x3f8, 4, 0x82);
	assert_int_equal(r->log[6].e.kind, CPU_EXIT_HLT);
	s = rig_state(r);
	assert_int_equal(s.gpr[X86_RAX], 0x82);
	assert_int_equal(s.rip, ENTRY % 0x10000 + 23);
	assert_true(s.halted);
	assert_int_equal(r->cpu->ops->icount(r->cpu), 7);
}

/* KVM makes batches of them as it likes; the elements are what counts. */
static void pio_strings(void **state)
{
	struct rig *r = KVM_RIG(state);
	unsigned in = 0, out = 0;
	uint8_t got[3000];

	rig_boot_bytes(r, X86_REAL, 0xfc, 0xbf, 0x00, 0x40, 0xb9, 0xb8,
		       0x0b,					       /* di 0x4000, cx 3000 */
		       0xba, 0x80, 0x00, 0xf3, 0x6c,		       /* dx 0x80; rep insb */
		       0xbe, 0x00, 0x40, 0xb9, 0x05, 0x00, 0xf3, 0x6e, /* si, cx 5; rep outsb */
		       0xf4);
	kvm_go(r);
	for (unsigned i = 0; i + 1 < r->n; i++) {
		const struct seen *s = &r->log[i];

		assert_int_equal(s->e.kind, CPU_EXIT_PIO);
		if (!s->e.pio.write) {
			in += s->e.pio.count;
			continue;
		}
		for (unsigned j = 0; j < s->e.pio.count; j++)
			assert_int_equal(s->first[j], out++);
	}
	assert_int_equal(in, 3000);
	assert_int_equal(out, 5);
	assert_int_equal(gmem_read(r->mem, 0x4000, got, sizeof(got)), 0);
	for (unsigned i = 0; i < sizeof(got); i++)
		assert_int_equal(got[i], (uint8_t)i);
}

/* ---- memory --------------------------------------------------------------------------------- */

#define LOAD_RBX 0x48, 0xbb, 0, 0, 0, 0xd0, 0, 0, 0, 0 /* mov rbx, MMIO */

static void mmio_widths(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	rig_boot_bytes(r, X86_LONG, LOAD_RBX, 0xc6, 0x03, 0x11, /* mov byte [rbx], 0x11 */
		       0x66, 0xc7, 0x03, 0x22, 0x22,		/* mov word [rbx], 0x2222 */
		       0xc7, 0x03, 0x33, 0x33, 0x33, 0x33,	/* mov dword [rbx], 0x33333333 */
		       0x48, 0xb8, 8, 7, 6, 5, 4, 3, 2, 1, 0x48, 0x89, 0x03, /* mov [rbx], rax */
		       0x8a, 0x03, 0x66, 0x8b, 0x03, 0x8b, 0x03, 0x48, 0x8b, 0x03, 0xf4);
	r->answer = 0xa0;
	kvm_go(r);
	assert_int_equal(r->n, 9);
	assert_mmio(r->log[0], true, MMIO, 1, 0x11);
	assert_mmio(r->log[1], true, MMIO, 2, 0x2222);
	assert_mmio(r->log[2], true, MMIO, 4, 0x33333333);
	assert_mmio(r->log[3], true, MMIO, 8, 0x0102030405060708);
	assert_mmio(r->log[4], false, MMIO, 1, 0xa0);
	assert_mmio(r->log[5], false, MMIO, 2, 0xa1);
	assert_mmio(r->log[6], false, MMIO, 4, 0xa2);
	assert_mmio(r->log[7], false, MMIO, 8, 0xa3);
	s = rig_state(r);
	assert_int_equal(s.gpr[X86_RAX], 0xa3);
}

static void mmio_odd(void **state)
{
	struct rig *r = KVM_RIG(state);

	rig_boot_bytes(r, X86_LONG, LOAD_RBX, 0xb8, 0x44, 0x33, 0x22,
		       0x11,			     /* mov eax, 0x11223344 */
		       0x83, 0x03, 0x05,	     /* add dword [rbx], 5 */
		       0x89, 0x43, 0x01,	     /* mov [rbx+1], eax */
		       0x89, 0x83, 0xfd, 0x0f, 0, 0, /* mov [rbx+0xffd], eax */
		       0xf4);
	r->answer = 0x10;
	kvm_go(r);
	assert_int_equal(r->n, 6);
	assert_mmio(r->log[0], false, MMIO, 4, 0x10);
	assert_mmio(r->log[1], true, MMIO, 4, 0x15);
	assert_mmio(r->log[2], true, MMIO + 1, 4, 0x11223344);
	assert_mmio(r->log[3], true, MMIO + 0xffd, 3, 0x223344);
	assert_mmio(r->log[4], true, MMIO + 0x1000, 1, 0x11);
}

/* ---- stops are at instruction boundaries ---------------------------------------------------- */

static void stop_completes_pio(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	rig_boot_bytes(r, X86_REAL, 0xb0, 0x41, 0xe6, 0x80, 0xe4, 0x81, 0xf4); /* out; in; hlt */
	r->halt_at = 1;
	kvm_go(r);
	s = rig_state(r);
	assert_int_equal(s.rip, 4);
	r->halt_at = 2;
	r->answer = 0x99;
	kvm_go(r);
	assert_int_equal(r->n, 2);
	s = rig_state(r);
	assert_int_equal(s.rip, 6);
	assert_int_equal(s.gpr[X86_RAX] & 0xff, 0x99);
	/* What the host sets now is what the guest goes on with. */
	s.gpr[X86_RAX] = 0x77;
	s.rip = 2;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	r->halt_at = 3;
	kvm_go(r);
	assert_pio(r->log[2], true, 0x80, 1, 0x77);
}

static void stop_completes_mmio(void **state)
{
	struct rig *r = KVM_RIG(state);

	/* stopped at the read of a read-modify-write: the write still comes */
	rig_boot_bytes(r, X86_LONG, LOAD_RBX, 0x83, 0x03, 0x05, 0xf4);
	r->answer = 1;
	r->halt_at = 1;
	kvm_go(r);
	assert_int_equal(r->n, 2);
	assert_mmio(r->log[1], true, MMIO, 4, 6);
	assert_int_equal(rig_state(r).rip, ENTRY + 13);
	/* at the first half of a page-crossing read */
	rig_boot_bytes(r, X86_LONG, LOAD_RBX, 0x8b, 0x83, 0xfe, 0x0f, 0, 0, 0xf4);
	r->answer = 0x1122;
	kvm_go(r);
	assert_int_equal(r->n, 2);
	assert_mmio(r->log[0], false, MMIO + 0xffe, 2, 0x1122);
	assert_mmio(r->log[1], false, MMIO + 0x1000, 2, 0x1123);
	assert_int_equal(rig_state(r).rip, ENTRY + 16);
	assert_int_equal(rig_state(r).gpr[X86_RAX], 0x11231122);
	/* and the vCPU goes on from there */
	r->halt_at = 0;
	kvm_go(r);
	assert_int_equal(r->log[2].e.kind, CPU_EXIT_HLT);
}

/* A string instruction stops with its counters right; each element is seen once. */
static void stop_in_string(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;
	uint64_t done = 0;

	/* rcx 300, rsi MMIO, rdi 0x60000: rep movsb */
	rig_boot_bytes(r, X86_LONG, 0xb9, 0x2c, 0x01, 0, 0, 0xbe, 0, 0, 0, 0xd0, 0xbf, 0, 0, 6, 0,
		       0xfc, 0xf3, 0xa4, 0xf4);
	r->halt_at = 1;
	kvm_go(r);
	s = rig_state(r);
	done = 300 - s.gpr[X86_RCX];
	assert_int_equal(s.gpr[X86_RDI], 0x60000 + done);
	assert_int_equal(s.gpr[X86_RSI], MMIO + done);
	r->halt_at = 0;
	kvm_go(r);
	for (unsigned i = 0; i < 300; i++) {
		uint8_t b;

		assert_int_equal(gmem_read(r->mem, 0x60000 + i, &b, 1), 0);
		assert_int_equal(b, (uint8_t)i);
	}
}

static void budget(void **state)
{
	struct rig *r = KVM_RIG(state);

	rig_boot_bytes(r, X86_REAL, 0xe6, 0x80, 0xeb, 0xfc); /* l: out 0x80, al; jmp l */
	assert_int_equal(r->cpu->ops->run(r->cpu, 10, WALL), CPU_STOP_BUDGET);
	assert_int_equal(r->n, 10);
	assert_int_equal(rig_state(r).rip, 2);
	assert_int_equal(r->cpu->ops->run(r->cpu, 1, WALL), CPU_STOP_BUDGET);
	assert_int_equal(r->n, 11);
}

/* ---- the ends of guests --------------------------------------------------------------------- */

static void hlt_goes_on(void **state)
{
	struct rig *r = KVM_RIG(state);

	rig_boot_bytes(r, X86_REAL, 0xf4, 0xe6, 0x80, 0xf4);
	kvm_go(r);
	assert_int_equal(r->n, 1);
	assert_true(rig_state(r).halted);
	kvm_go(r);
	assert_int_equal(r->n, 3);
	assert_pio(r->log[1], true, 0x80, 1, 0);
}

static void triple_fault_then_reuse(void **state)
{
	static const enum x86_mode modes[] = {X86_PROT, X86_LONG};
	struct rig *r = KVM_RIG(state);

	for (unsigned i = 0; i < 2; i++) {
		rig_boot_bytes(r, modes[i], 0x0f, 0x0b); /* ud2 with no IDT */
		kvm_go(r);
		assert_int_equal(r->n, 1);
		assert_int_equal(r->log[0].e.kind, CPU_EXIT_SHUTDOWN);
		/* again, and in another mode */
		rig_boot_bytes(r, X86_REAL, 0xb0, 0x41, 0xe6, 0x80, 0xf4);
		kvm_go(r);
		assert_int_equal(r->n, 2);
		assert_pio(r->log[0], true, 0x80, 1, 0x41);
	}
}

static void emulation_failure(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;
	char text[128];

	rig_boot_bytes(r, X86_LONG, 0x90, 0xd9, 0xe8, 0xf4); /* nop; fld1; hlt */
	kvm_go(r);
	if (r->log[0].e.kind == CPU_EXIT_HLT) {
		print_message("# this KVM runs FLD1: no emulation failure to look at\n");
		skip();
	}
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_EMULATION);
	assert_int_equal(r->log[0].e.rip, ENTRY + 1);
	assert_int_equal(r->log[0].e.internal.suberror, 1);
	assert_true(r->log[0].e.internal.insn_len >= 2);
	assert_memory_equal(r->log[0].e.internal.insn, "\xd9\xe8", 2);
	cpu_exit_describe(&r->log[0].e, 64, text, sizeof(text));
	assert_string_equal(text, "emulation failure at 0x50001: fld1 (d9 e8)");
	/* skip it and go on */
	s = rig_state(r);
	s.rip += 2;
	assert_int_equal(r->cpu->ops->set(r->cpu, &s, NULL), 0);
	kvm_go(r);
	assert_int_equal(r->log[1].e.kind, CPU_EXIT_HLT);
}

/* No valid machine: whatever KVM makes of it, it ends and says something. */
static void all_zero_state(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;
	enum cpu_stop why;
	struct err err = {0};
	int ret;

	memset(&s, 0, sizeof(s));
	s.xcr0 = 1;
	ret = r->cpu->ops->set(r->cpu, &s, &err);
	assert_true(ret == 0 || ret == -EINVAL);
	r->halt_at = 50;
	why = r->cpu->ops->run(r->cpu, 50, 300);
	print_message("# all-zero state: set %d, stop %d (%s), %u exits, first %s\n", ret, why,
		      why == CPU_STOP_ERROR ? r->cpu->error.msg : "", r->n,
		      r->n ? cpu_exit_name(r->log[0].e.kind) : "-");
	assert_true(why == CPU_STOP_HOST || why == CPU_STOP_ERROR || why == CPU_STOP_TIME);
	if (why == CPU_STOP_HOST)
		assert_true(r->n > 0);
	/* the vCPU is good for another guest */
	r->halt_at = 0;
	rig_boot_bytes(r, X86_REAL, 0xe6, 0x80, 0xf4);
	kvm_go(r);
	assert_int_equal(r->n, 2);
}

/* ---- MSRs ----------------------------------------------------------------------------------- */

#define WHY_FILTER 4 /* KVM_MSR_EXIT_REASON_FILTER */

static void msr_exits(void **state)
{
	struct rig *r = KVM_RIG(state);
	struct cpu_state s;

	/* mov ecx, CPU_MSR_USER + 3; rdmsr; inc eax; wrmsr; hlt */
	rig_boot_bytes(r, X86_LONG, 0xb9, 0x83, 0x4d, 0x56, 0x4b, 0x0f, 0x32, 0xff, 0xc0, 0x0f,
		       0x30, 0xf4);
	r->answer = 0x1122334455667788;
	kvm_go(r);
	if (r->log[0].e.kind == CPU_EXIT_SHUTDOWN) {
		print_message("# this KVM has no KVM_CAP_X86_USER_SPACE_MSR\n");
		skip();
	}
	assert_int_equal(r->n, 3);
	assert_int_equal(r->log[0].e.kind, CPU_EXIT_MSR);
	assert_int_equal(r->log[0].e.msr.num, CPU_MSR_USER + 3);
	assert_false(r->log[0].e.msr.write);
	assert_true(r->log[1].e.msr.write);
	/* Whether KVM has a filter for them or does not know them. */
	assert_int_equal(r->log[0].e.msr.why, WHY_FILTER);
	assert_int_equal(r->log[1].e.msr.why, WHY_FILTER);
	assert_int_equal(r->log[1].val, 0x1122334455667789);
	s = rig_state(r);
	assert_int_equal(s.gpr[X86_RAX], 0x55667789);
	assert_int_equal(s.gpr[X86_RDX], 0x11223344);
	/* an MSR that nobody knows: value answered, then #GP answered (no IDT: triple fault) */
	rig_boot_bytes(r, X86_LONG, 0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x32, 0xf4);
	kvm_go(r);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->log[0].e.msr.num, 0x12345678);
	assert_true(r->log[0].e.msr.why & 3);
	rig_boot_bytes(r, X86_LONG, 0xb9, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x32, 0xf4);
	r->gp = true;
	kvm_go(r);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->log[1].e.kind, CPU_EXIT_SHUTDOWN);
}

/* VMCALL and VMMCALL must end: #UD (here: triple fault), or an answer in RAX. */
static void hypercalls_end(void **state)
{
	struct rig *r = KVM_RIG(state);

	for (unsigned i = 0; i < 2; i++) {
		if (i)
			rig_boot_bytes(r, X86_LONG, 0x0f, 0x01, 0xd9, 0xf4);
		else
			rig_boot_bytes(r, X86_LONG, 0x0f, 0x01, 0xc1, 0xf4);
		kvm_go(r);
		assert_true(r->log[r->n - 1].e.kind == CPU_EXIT_SHUTDOWN ||
			    r->log[r->n - 1].e.kind == CPU_EXIT_HLT);
	}
}

/* ---- memory regions ------------------------------------------------------------------------- */

static void regions_come_and_go(void **state)
{
	struct rig *r = KVM_RIG(state);
	uint8_t b = 0x5a;

	/* mov al, [0x400000]; mov [0x400000], al; hlt */
	static const uint8_t code[] = {0x8a, 0x04, 0x25, 0, 0,	  0x40, 0,   0x88,
				       0x04, 0x25, 0,	 0, 0x40, 0,	0xf4};

	rig_boot(r, X86_LONG, code, sizeof(code));
	kvm_go(r);
	assert_int_equal(r->n, 3);
	assert_mmio(r->log[0], false, 0x400000, 1, 0);
	/* RAM there: no exits */
	assert_int_equal(gmem_add(r->mem, 0x400000, 0x1000, GMEM_RAM, NULL), 0);
	assert_int_equal(gmem_write(r->mem, 0x400000, &b, 1), 0);
	rig_boot(r, X86_LONG, code, sizeof(code));
	kvm_go(r);
	assert_int_equal(r->n, 1);
	assert_int_equal(rig_state(r).gpr[X86_RAX], 0x5a);
	/* ROM: reads do, writes exit and change nothing */
	assert_int_equal(gmem_remove(r->mem, 0x400000), 0);
	assert_int_equal(gmem_add(r->mem, 0x400000, 0x2000, GMEM_ROM, NULL), 0);
	b = 0x33;
	assert_int_equal(gmem_place(r->mem, 0x400000, &b, 1), 0);
	rig_boot(r, X86_LONG, code, sizeof(code));
	kvm_go(r);
	assert_int_equal(r->n, 2);
	assert_mmio(r->log[0], true, 0x400000, 1, 0x33);
	assert_int_equal(gmem_remove(r->mem, 0x400000), 0);
	rig_boot(r, X86_LONG, code, sizeof(code));
	kvm_go(r);
	assert_int_equal(r->n, 3);
}

static void all_memory_gone(void **state)
{
	struct rig *r = KVM_RIG(state);
	enum cpu_exit_kind kind;

	rig_boot_bytes(r, X86_REAL, 0xe6, 0x80, 0xeb, 0xfc);
	r->halt_at = 1;
	kvm_go(r);
	assert_int_equal(gmem_remove(r->mem, 0), 0);
	r->halt_at = 0;
	kvm_go(r);
	kind = r->log[1].e.kind;
	assert_true(kind == CPU_EXIT_EMULATION || kind == CPU_EXIT_INTERNAL ||
		    kind == CPU_EXIT_SHUTDOWN || kind == CPU_EXIT_MMIO);
}

static void dirty_log(void **state)
{
	struct rig *r = KVM_RIG(state);

	assert_int_equal(gmem_add(r->mem, 0x400000, 0x100000, GMEM_RAM, NULL), 0);
	/* mov [0x461234], al; hlt */
	rig_boot_bytes(r, X86_LONG, 0x88, 0x04, 0x25, 0x34, 0x12, 0x46, 0, 0xf4);
	assert_int_equal(r->cpu->ops->memory(r->cpu, NULL), 0);
	assert_int_equal(r->cpu->ops->sync_dirty(r->cpu, NULL), 0);
	gmem_clear_dirty(r->mem);
	kvm_go(r);
	assert_int_equal(r->cpu->ops->sync_dirty(r->cpu, NULL), 0);
	assert_true(gmem_is_dirty(r->mem, 0x461000));
	assert_false(gmem_is_dirty(r->mem, 0x462000));
	assert_false(gmem_is_dirty(r->mem, 0x460000));
}

static int setup_rip(void **state)
{
	return kvm_setup_rip(state, true);
}

static void rip_of_exits(void **state)
{
	struct rig *r = KVM_RIG(state);

	rig_boot_bytes(r, X86_REAL, 0xe4, 0x80, 0xe4, 0x81, 0xf4); /* in; in; hlt */
	kvm_go(r);
	if (!r->log[0].e.rip && !r->log[1].e.rip) {
		print_message("# this KVM has no KVM_CAP_SYNC_REGS\n");
		skip();
	}
	assert_int_equal(r->log[0].e.rip, 0);
	assert_int_equal(r->log[1].e.rip, 2);
	assert_int_equal(r->cpu->rip, r->log[2].e.rip);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, kvm_setup, kvm_teardown)
	const struct CMUnitTest tests[] = {
		T(pio_widths),
		T(pio_strings),
		T(mmio_widths),
		T(mmio_odd),
		T(stop_completes_pio),
		T(stop_completes_mmio),
		T(stop_in_string),
		T(budget),
		T(hlt_goes_on),
		T(triple_fault_then_reuse),
		T(emulation_failure),
		T(all_zero_state),
		T(msr_exits),
		T(hypercalls_end),
		T(regions_come_and_go),
		T(all_memory_gone),
		T(dirty_log),
		cmocka_unit_test_setup_teardown(rip_of_exits, setup_rip, kvm_teardown),
	};

	return cmocka_run_group_tests_name("cpu/kvm run", tests, NULL, NULL);
}
