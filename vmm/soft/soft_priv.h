/* SPDX-License-Identifier: MIT */
/*
 * soft: what its files share. Read this first.
 *
 * Two ways to run an instruction:
 * - The reference path (step.c): decode with insn_decode(), look up the operation by its mnemonic in
 *   soft_ops[], run it. An operation is a plain function over struct soft and struct insn. It is
 *   written to be read beside the manual, and is the oracle of the other path.
 * - The fast path (trace.c, fast_*.c): traces of specialised handlers for the common forms; what has
 *   no handler of its own is run by its operation.
 *
 * The contract of an operation (soft_op)
 * - On entry s->rip is the instruction's address, s->next_rip the one behind it, flags are eager in
 *   s->rflags, the instruction's CPUID feature is there, LOCK is legal here.
 * - It may raise a fault at any point before it changed anything architectural: soft_fault() does
 *   not return. Order: check and read everything, then write registers, memory last unless nothing
 *   else can fault. A memory write either happens whole or faults before any byte is written.
 * - It sets s->next_rip to branch. It returns nothing; the caller commits s->rip = s->next_rip,
 *   counts it, clears the interrupt shadow unless s->shadow_new says so, and looks at TF.
 * - REP: the operation does ONE iteration; soft_rep_done() says whether it was the last; when not,
 *   it leaves s->next_rip = s->rip.
 */
#ifndef SOFT_PRIV_H
#define SOFT_PRIV_H

#include <setjmp.h>
#include <vmm/insn.h>
#include <vmm/soft.h>

struct soft_f80 {     /* x87's 80-bit format */
	uint64_t sig; /* with the explicit integer bit */
	uint16_t exp; /* sign << 15 | exponent */
};

union soft_xmm {
	uint8_t b[16];
	uint16_t w[8];
	uint32_t d[4];
	uint64_t q[2];
};

struct soft_x87 {
	struct soft_f80 reg[8]; /* physical registers R0 to R7; MMX aliases sig */
	uint16_t cw, sw;	/* sw with TOP in bits 11-13 */
	uint8_t tag;		/* abridged, one bit a physical register: 1 not empty */
	uint16_t op;		/* last opcode, 11 bits */
	uint64_t ip, dp;
	uint16_t cs, ds;
};

/*
 * Host pointers by linear page, direct-mapped; tlb.c. A table for supervisors, users, and supervisors
 * whom AC lets through SMAP. Of this size a program of 16 MiB has no two pages in one entry.
 */
#define SOFT_TLB 4096
enum soft_tlb_table { SOFT_TLB_SUPER, SOFT_TLB_USER, SOFT_TLB_AC, SOFT_TLBS };
struct soft_tlb_entry {
	uint64_t rd, wr, ex; /* linear page | 1 bits that never match when invalid; ~0: none */
	uintptr_t addend;    /* host = linear + addend */
	uint64_t gpa;	     /* of the page */
	uint64_t pad[3];     /* 64 bytes: found by a shift, one line of the host's cache */
};

enum soft_access { SOFT_READ, SOFT_WRITE, SOFT_EXEC };

#define SOFT_FAULTS_MAX 4096
#define SOFT_CR4_DE	(1ull << 3)
#define SOFT_CR4_SMAP	(1ull << 21)
/* IA32_DEBUGCTL, 3B 17.4.1: single-step traps at branches alone; a #DB clears it. */
#define SOFT_DEBUGCTL_BTF (1ull << 1)

struct soft_trace;
struct soft_link;
struct soft_fast; /* the fast path's own: trace.c */
struct soft_xlat; /* what is remembered of page tables: xlat.c */

struct soft {
	/* ---- hot ---- */
	uint64_t gpr[17]; /* the last one is always 0 */
	uint64_t rip, next_rip;
	uint64_t rflags; /* eager; between fast handlers the arithmetic flags may be in lazy */
	struct {
		uint64_t result; /* sign-extended from its size to 64 bits */
		uint64_t
			aux; /* carries out of each bit, bit 63 for the operation's carry; see flags.h */
		bool on; /* the six flags are here and not in rflags */
	} lazy;
	uint64_t icount, icount_end;
	struct soft_tlb_entry *tlbp; /* the fast path's: the table of the present privilege, */
	uint64_t fgen;		     /* counts what makes links void: TLB flushes, stale code */
	uint64_t fkey;		     /* what a link must have to hold, */
	uint64_t deadline;	     /* the count from which on links are not taken, */
	uint64_t miss_la;	     /* the address of a miss, */
	struct soft_link *link;	     /* the link that did not hold */
	uint8_t cpl;		     /* 0 to 3 */
	uint8_t bits;		     /* 16, 32, 64: of code at CS */
	bool stack32, stack64;	     /* width of the stack pointer by SS.B or long mode */
	bool events; /* something is to be looked at before the next instruction: below */
	/* ---- the rest of the architectural state ---- */
	struct x86_seg seg[X86_SREGS];
	struct x86_table gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base, xcr0;
	uint64_t dr[8];
	uint64_t msr[X86_MSRS]; /* by x86_msr_list; FS and GS base live in seg */
	uint32_t pkru, mxcsr, tsc_aux;
	uint64_t tsc_offset;
	uint64_t misc_enable; /* IA32_MISC_ENABLE as written */
	uint64_t debugctl;    /* SOFT_DEBUGCTL_BTF */
	uint64_t pdpte[4];    /* PAE: loaded with CR3 */
	struct soft_x87 x87;
	union soft_xmm xmm[16];
	/* ---- between instructions ---- */
	/*
	 * Operations and soft_deliver() only set halted and shutdown; the run loop (soft.c) reports
	 * the exit once, after the instruction.
	 */
	bool halted, shutdown, stop;
	bool reported;	   /* that exit was made */
	uint64_t insn_rip; /* where the running instruction starts, whatever became of rip */
	uint64_t
		db_pending; /* DR6 bits of #DB traps to be delivered at this boundary: soft_events */
	uint64_t db_new;    /* those that the running instruction has hit */
	bool dr7_on;	    /* a breakpoint of DR7 is enabled: whoever writes DR7 says so */
	/* An event that soft_set() brought, half delivered by another back end: soft_events first. */
	struct {
		uint8_t kind; /* 0 none, 1 exception, 2 interrupt */
		uint8_t vec;
		bool has_error;
		uint32_t error;
	} inject;
	uint64_t fault_icount; /* when the last fault or interrupt was delivered */
	unsigned faults; /* delivered since an instruction retired; SOFT_FAULTS_MAX ends the run */
	bool intr, nmi_pending, nmi_masked;
	uint8_t shadow;	    /* this boundary: 1 STI, 2 MOV SS or POP SS */
	uint8_t shadow_new; /* what the running operation leaves */
	/*
	 * icount + 1 at a boundary inside of a REP: an interrupt or trap taken there pushes RF set
	 * (SDM 3B 17.3.1.1). No other boundary has that icount, so nobody needs to clear it.
	 */
	uint64_t rep_mark;
	/* ---- delivering ---- */
	bool in_delivery;   /* a fault now is a fault while delivering: #DF rules */
	uint8_t delivering; /* the vector */
	uint8_t ext;	    /* EXT bit of the error codes of faults while delivering (3A 6.13) */
	jmp_buf *fault_jmp;
	struct {
		uint8_t vec;
		bool has_error;
		bool is_trap;  /* RIP is the next one already: #DB of a trap, #BP, #OF, INT n */
		bool soft_int; /* INT n, INT3, INTO: gate DPL is checked */
		uint32_t error;
	} fault;
	/* ---- single-step and breakpoints by the host ---- */
	bool step;
	bool bp_reported; /* the breakpoint at rip was, and the instruction not run yet */
	unsigned nr_bp;
	uint64_t bp[4];
	unsigned nr_wp;
	uint32_t wp_hit; /* by the running instruction, a bit each */
	struct soft_watchpoint wp[4];
	/* ---- environment ---- */
	struct gmem *mem;
	unsigned mem_regions, mem_cleanings; /* gmem's counters at the last run */
	struct soft_config cfg;
	struct soft_tlb_entry tlb[SOFT_TLBS][SOFT_TLB];
	uint64_t tlb_used[SOFT_TLBS][SOFT_TLB / 64]; /* entries that may hold something, */
	uint64_t tlb_words[SOFT_TLBS];		     /* and words of that with any bit */
	struct soft_xlat *xlat;
	uint32_t space;	    /* a number for the tables that CR3 names: xlat.c */
	bool remembers;	    /* the run is soft_run()'s: page walks may be remembered */
	bool pages_1gib;    /* CPUID offers them */
	uint32_t cpuid_has; /* features by enum insn_cpuid, one bit each, computed once */
	uint32_t cpuid_has_hi;
	uint8_t maxphyaddr;
	struct soft_fast *fast;
	struct soft_edges *edges; /* NULL: nobody wants them */
};

/* ---- faults (exception.c) ------------------------------------------------------------------------ */

_Noreturn void soft_fault(struct soft *s, unsigned vec); /* no error code */
_Noreturn void soft_fault_code(struct soft *s, unsigned vec, uint32_t error);
_Noreturn void soft_page_fault(struct soft *s, uint64_t la, uint32_t error); /* sets CR2 */
static inline _Noreturn void soft_gp0(struct soft *s)
{
	soft_fault_code(s, X86_GP, 0);
}
static inline _Noreturn void soft_ud(struct soft *s)
{
	soft_fault(s, X86_UD);
}

/*
 * Deliver (vec) through the IVT or IDT in the present mode: pushes, stack switch, task gate; nested
 * faults become #DF and a shutdown. Called with s->rip as it is to be saved. May longjmp for a fault
 * inside, which it catches itself: it always returns; s->shutdown may be set.
 */
void soft_deliver(struct soft *s, unsigned vec, bool soft_int, bool has_error, uint32_t error);

/*
 * Traps of a software interrupt: INT n, INT3, INTO (soft_int), INT1 (not). The run loop moves rip to
 * next_rip, counts the instruction, then delivers; a nested fault goes back to s->insn_rip.
 */
_Noreturn void soft_trap(struct soft *s, unsigned vec, bool soft_int);

/*
 * Before an instruction, where s->events is set: inject, db_pending, NMI, INTR, in the order of
 * SDM 3A 6.9, as shadow and IF allow; wakes a halted CPU. True: something was delivered. Sets
 * s->events to whether the next boundary must be looked at too (a shadow that ends, a pending trap).
 * Whatever may let an event in (STI, POPF, IRET, a shadow) sets s->events.
 */
bool soft_events(struct soft *s);

/* ---- memory (mem.c, paging.c, tlb.c) ---------------------------------------------------------------- */

/*
 * Linear address of seg:off for an access of (size) bytes; segment checks: limit, type, null,
 * canonical. #GP(0) or #SS(0).
 */
uint64_t soft_linear(struct soft *s, unsigned seg, uint64_t off, unsigned size,
		     enum soft_access acc);

/*
 * Read and write 1 to 8 bytes at seg:off, little-endian, with all checks (segment, #AC, paging). May
 * span pages: then both are checked before anything is written. Memory that is no RAM goes to
 * host.exit as MMIO, cut at the page.
 */
uint64_t soft_read(struct soft *s, unsigned seg, uint64_t off, unsigned size);
void soft_write(struct soft *s, unsigned seg, uint64_t off, unsigned size, uint64_t val);
void soft_read_bytes(struct soft *s, unsigned seg, uint64_t off, void *buf,
		     unsigned len); /* up to 512; MMIO in pieces of 8 */
void soft_write_bytes(struct soft *s, unsigned seg, uint64_t off, const void *buf, unsigned len);
/* Raise what a write of (len) would raise, without writing: before the read of a read-modify-write. */
void soft_probe_write(struct soft *s, unsigned seg, uint64_t off, unsigned len);
/* The same for a read that comes after another one that may fault too. */
void soft_probe_read(struct soft *s, unsigned seg, uint64_t off, unsigned len);
/* Alignment as SSE wants it: #GP(0) unless off's linear address is a multiple of (align). */
/* #AC, where it is on, unless the linear address is a multiple of (align): 3A table 6-7. */
void soft_check_ac(struct soft *s, uint64_t la, unsigned align);
void soft_check_aligned(struct soft *s, unsigned seg, uint64_t off, unsigned align);

/*
 * The same by linear address at (cpl): 0 to 3, or SOFT_IMPLICIT: as supervisor on the CPU's own behalf
 * (descriptor tables, TSS), which SMAP refuses user pages whatever AC says (SDM 3A 4.6).
 */
#define SOFT_IMPLICIT 4u
uint64_t soft_lin_read(struct soft *s, uint64_t la, unsigned size, unsigned cpl);
void soft_lin_write(struct soft *s, uint64_t la, unsigned size, uint64_t val, unsigned cpl);
void soft_lin_probe_write(struct soft *s, uint64_t la, unsigned len, unsigned cpl);

/*
 * Translate for an access at (cpl): the physical address, or raises #PF. Sets A and D bits. All modes.
 * soft_walk() is the pure walk (nothing remembered or changed): 0, or the #PF error code + 1 << 31.
 */
uint64_t soft_translate(struct soft *s, uint64_t la, enum soft_access acc, unsigned cpl);
/* The same at s->cpl, for the fast path: false where it would raise; nothing is changed then. */
bool soft_translate_try(struct soft *s, uint64_t la, enum soft_access acc);
uint32_t soft_walk(struct soft *s, uint64_t la, enum soft_access acc, unsigned cpl, uint64_t *gpa,
		   uint64_t *page_size, bool *writable);
/* CR0.PG, EFER.NXE or what an entry looks like (CR4.PAE, PSE) changed: forget all translations. */
void soft_tlb_flush(struct soft *s);
/* CR3 was written: the host pointers are of other tables now. */
void soft_tlb_space(struct soft *s);
/* What else decides on rights changed: WP, SMEP, SMAP, PKE, PKRU. */
void soft_tlb_rights(struct soft *s);
void soft_set_pkru(struct soft *s, uint32_t pkru);

/*
 * Instruction bytes at CS:rip, up to 15, cut at the page and the limit: how many; raises the fetch
 * fault for byte 0. soft_fetch_rest() gets those behind (have), or raises the fault of the first.
 * What is no RAM or ROM cannot be executed: it reads as ones, which is #UD.
 */
unsigned soft_fetch(struct soft *s, uint8_t *buf);
unsigned soft_fetch_rest(struct soft *s, uint8_t *buf, unsigned have);
/* Fetch and decode at s->rip: #UD, #GP for over 15 bytes and fetch faults are raised. */
void soft_fetch_decode(struct soft *s, struct insn *i);
/* Checks, operation and commit of one decoded instruction at s->rip: the whole of an instruction. */
void soft_execute(struct soft *s, const struct insn *i);

/*
 * Data breakpoints of DR7: what hits goes to db_new and is a trap after the instruction. The host's
 * watchpoints: what hits goes to wp_hit, and soft_step() reports it.
 */
void soft_watch_slow(struct soft *s, uint64_t la, unsigned len, bool write);
void soft_watch_io(struct soft *s, uint16_t port, unsigned size);
static inline void soft_watch(struct soft *s, uint64_t la, unsigned len, enum soft_access acc)
{
	if (s->dr7_on | s->nr_wp)
		soft_watch_slow(s, la, len, acc == SOFT_WRITE);
}

/* ---- operands (operand.c) ------------------------------------------------------------------------------ */

/* Offset of a memory operand in its segment: base + index * scale + disp, cut to the address size. */
uint64_t soft_ea(struct soft *s, const struct insn *i, const struct insn_operand *o);
/* GPR by size: 32-bit writes clear the high half; 8 and 16 keep the rest. */
uint64_t soft_gpr_read(const struct soft *s, const struct insn_operand *o);
void soft_gpr_write(struct soft *s, const struct insn_operand *o, uint64_t val);
/* Operand n as an integer (register, memory, immediate cut to the operand size), up to 8 bytes. */
uint64_t soft_get_operand(struct soft *s, const struct insn *i, unsigned n);
void soft_put_operand(struct soft *s, const struct insn *i, unsigned n, uint64_t val);

/* ---- flags (flags.h has the arithmetic) ------------------------------------------------------------------- */

void soft_flags_sync(struct soft *s); /* lazy to eager */
/* POPF, IRET and the like: writes only the bits in (mask); looks after TF, IF, RF, VM, AC effects. */
void soft_set_rflags(struct soft *s, uint64_t val, uint64_t mask);

/* ---- segments and far transfers (segment.c, far.c, task.c) ------------------------------------------------ */

/* MOV to a segment register: DS ES FS GS SS, all checks of the mode. CS only by far transfers. */
void soft_load_seg(struct soft *s, unsigned seg, uint16_t sel);
void soft_far_jmp(struct soft *s, uint16_t sel, uint64_t off, unsigned opsize);
void soft_far_call(struct soft *s, uint16_t sel, uint64_t off, unsigned opsize);
void soft_far_ret(struct soft *s, unsigned opsize, unsigned pop);
void soft_iret(struct soft *s, unsigned opsize);
/* After CS, SS, CR0, EFER or RFLAGS.VM changed: cpl, bits, stack width, traces' mode. */
void soft_mode_changed(struct soft *s);

/* Stack by the stack's width: push checks before it moves RSP. */
void soft_push(struct soft *s, uint64_t val, unsigned size);
uint64_t soft_pop(struct soft *s, unsigned size);
uint64_t soft_sp(const struct soft *s);
void soft_set_sp(struct soft *s, uint64_t val);

/* MOV to and from CR0-CR8 and DR0-DR7 (ops_system.c): all checks and effects. */
void soft_mov_to_control(struct soft *s, const struct insn_operand *o, uint64_t val);
uint64_t soft_mov_from_control(struct soft *s, const struct insn_operand *o);

/* ---- the run loop's parts (step.c, features.c) ------------------------------------------------ */

/* One instruction by the reference path, with breakpoints and traps; faults are raised. */
void soft_step(struct soft *s);
/* After an instruction whose TF was (tf) at its start: rip, count, shadow, traps. */
void soft_commit(struct soft *s, bool tf);
/* TZCNT and LZCNT to what they are on a CPU that hasn't got them. */
void soft_without_feature(struct soft *s, struct insn *i);
/* cpuid_has and maxphyaddr from the template. */
void soft_features(struct soft *s);

/* ---- edges (edge.c) ----------------------------------------------------------------------------- */

/* Where the edge's count is; a full table's is (lost). */
uint64_t *soft_edge(struct soft_edges *e, uint64_t from, uint64_t to);
static inline bool soft_edge_wanted(const struct soft_edges *e, uint64_t from)
{
	return e && from - e->lo < e->len;
}
/* The operation (op) of (i), and its edge if it is a branch: where soft_execute() found s->edges. */
void soft_edge_op(struct soft *s, const struct insn *i,
		  void (*op)(struct soft *, const struct insn *));

/* ---- operations: one table by mnemonic ------------------------------------------------------------------------ */

typedef void (*soft_op)(struct soft *s, const struct insn *i);
/* ops_table.c, made of the SOFT_OPS_* lists at the end of each ops_*.c's header; NULL: #UD */
extern const soft_op soft_ops[INSN_OPS];

/* REP and string operations: true when this was the last iteration (or there is no REP). */
bool soft_rep_done(struct soft *s, const struct insn *i, bool by_zf);
static inline bool soft_has(const struct soft *s, unsigned feature) /* enum insn_cpuid */
{
	return (feature < 32 ? s->cpuid_has >> feature : s->cpuid_has_hi >> (feature - 32)) & 1;
}

/* Helpers for system operations */
static inline bool soft_long(const struct soft *s)
{
	return s->efer & X86_EFER_LMA;
}
static inline bool soft_prot(const struct soft *s)
{
	return s->cr0 & X86_CR0_PE;
}
static inline bool soft_v86(const struct soft *s)
{
	return (s->rflags >> 17 & 1) && soft_prot(s) && !soft_long(s);
}
static inline bool soft_canonical(uint64_t la)
{
	return (uint64_t)((int64_t)(la << 16) >> 16) == la;
}

/* The exit to the machine, common part. */
void soft_exit_mmio(struct soft *s, uint64_t gpa, bool write, unsigned size, uint8_t *data);
uint32_t soft_exit_in(struct soft *s, uint16_t port, unsigned size);
void soft_exit_out(struct soft *s, uint16_t port, unsigned size, uint32_t val);

#endif
