/* SPDX-License-Identifier: MIT */
/*
 * silicon: compare the software CPU with the one of the host, instruction by instruction.
 *
 * - child.c, bare.c, oracle.c: a sandboxed child process that loads a state, runs a few bytes of
 *   code at CPL 3 in 64-bit, 32-bit or 16-bit protected mode, and gives back the state after or the
 *   fault.
 * - forms.c, gen.c, values.c: what is run: every opcode form that the decoder knows, with operands,
 *   flags, memory and addresses from the corners.
 * - model.c: the same on struct soft, by the reference path and by the fast path.
 * - compare.c, tables.c: what differs; what is left out and why; what is explained and where.
 * - run.c: many cases. tally.c: what several runs came to together; TABLE.tsv is that of many hours.
 *   main.c: the program build/dev/silicon.
 *
 * It executes code on the host, so it is no part of any library. The sandbox: the child is forked,
 * unmaps all that it was forked with and closes all but two pipes; a seccomp filter lets through
 * read, write and exit from its own system call instruction and nothing else, so that code under
 * test reaches no kernel service. A child that is lost is replaced. A timer ends what loops.
 *
 * Not for threads: one struct sil, one process.
 */
#ifndef SILICON_H
#define SILICON_H

#include <vmm/base.h>
#include <vmm/insn.h>
#include <vmm/x86.h>

/* ---- the world a case sees: linear addresses, the same in the child and in soft ----------------- */

#define SIL_SLOTS     128u	    /* cases a batch; each has a code page and an unmapped one */
#define SIL_LOW	      0x0f000000ull /* the child's own: trampolines, then its context */
#define SIL_LOW_SIZE  0x2000u
#define SIL_CODE      0x10000000ull
#define SIL_SLOT_SIZE 0x2000u
#define SIL_DATA      0x20000000ull /* base of the 16-bit segments: unmapped up to SIL_RW */
#define SIL_RW	      0x20001000ull
#define SIL_RW_SIZE   0x4000u
#define SIL_RO	      0x20006000ull /* between and behind: unmapped */
#define SIL_RO_SIZE   0x1000u
#define SIL_HIGH      0x2b5d9f3c0000ull /* the child's own too, where no case is likely to look */
#define SIL_HIGH_END  0x2b5d9f600000ull
#define SIL_LINE      64u
#define SIL_LINES     (SIL_RW_SIZE / SIL_LINE)

#define SIL_FILL 0xcc /* the code page where there is no code */

/* Linux' selectors, and those of the LDT that the child makes. Slot i's 16-bit code is entry i. */
#define SIL_CS64     0x33u
#define SIL_CS32     0x23u
#define SIL_DS	     0x2bu
#define SIL_LDT(n)   ((uint16_t)((n) << 3 | 7u))
#define SIL_LDT_DATA 128u
enum sil_ldt {		     /* behind SIL_LDT_DATA; all have base SIL_DATA */
	       SIL_L_DATA16, /* limit 0xffff */
	       SIL_L_SHORT16,
	       SIL_L_DOWN16,
	       SIL_L_SHORT32,
	       SIL_L_DOWN32,
	       SIL_L_RO16,
	       SIL_L_ABSENT,
	       SIL_L_EXEC, /* execute-only code */
	       SIL_L_CODE, /* readable code */
	       SIL_L_NR
};
#define SIL_SEL(l) SIL_LDT(SIL_LDT_DATA + (l))

/* Base, limit and attr of a selector; false: no such segment. slot is for nothing but 16-bit CS. */
bool sil_descriptor(uint16_t sel, struct x86_seg *seg);

/* ---- a case ------------------------------------------------------------------------------------- */

/* Offsets are known to the assembly of child.c. */
struct sil_state {
	uint64_t gpr[16];
	uint64_t rip, rflags;
	uint64_t fs_base, gs_base; /* loaded where the selector is 0 */
	uint16_t cs, ss, ds, es, fs, gs;
	uint8_t pad[20];
	uint8_t fx[512]; /* FXSAVE64 */
} __attribute__((aligned(64)));

#define SIL_CODE_MAX 48u
#define SIL_EXIT_MAX 8u
#define SIL_PATCHES  6u
#define SIL_PATCH    64u

struct sil_patch {
	uint32_t off; /* from SIL_RW */
	uint32_t len;
	uint8_t bytes[SIL_PATCH];
};

struct sil_case {
	struct sil_state in;
	uint32_t form;
	uint64_t index; /* of the case in its form */
	uint16_t slot, bits, nr_insns;
	uint16_t code_off, code_len;		   /* in the slot's page */
	uint8_t exit_len;			   /* 0: the way out does not fit behind the code */
	uint8_t code[SIL_CODE_MAX + SIL_EXIT_MAX]; /* with the way out; all else is SIL_FILL */
	unsigned nr_patches;
	struct sil_patch patch[SIL_PATCHES];
};

#define SIL_OK	    (-1) /* ran to its end */
#define SIL_SYSCALL (-2) /* stopped by the sandbox */
#define SIL_TIMEOUT (-3)
#define SIL_LOST    (-4) /* the child ended */
#define SIL_KEEP    32u	 /* changed lines that are kept */

struct sil_result {
	struct sil_state out;
	int vector; /* or one of the above */
	uint32_t error;
	uint64_t cr2;
	unsigned nr_lines; /* changed lines of SIL_RW; the first SIL_KEEP of them: */
	uint16_t line[SIL_KEEP];
	uint8_t bytes[SIL_KEEP][SIL_LINE];
};

/* What the child shares with its parent. */
struct sil_shared {
	uint32_t first, count;			  /* the batch: cases [first, count) */
	uint32_t cur;				  /* the one that runs */
	uint8_t rw[SIL_RW_SIZE], ro[SIL_RO_SIZE]; /* memory at the start of each case */
	struct sil_case cases[SIL_SLOTS];
	struct sil_result results[SIL_SLOTS];
};

/* ---- the oracle (oracle.c, child.c) --------------------------------------------------------------- */

struct sil {
	struct sil_shared *sh;
	int pid, to, from, code_fd;
	bool has16;
	char no16[80]; /* why not */
	unsigned lost; /* children */
};

/* -ENOTSUP with the reason where the host or the sandbox does not do. Memory (seed) is in sh->rw. */
int sil_open(struct sil *o, uint64_t seed, struct err *err);
void sil_close(struct sil *o);
/* Run cases 0 to n - 1: results are in sh->results. */
int sil_run(struct sil *o, unsigned n, struct err *err);

/* child.c */
bool sil_child_possible(const char **why);
_Noreturn void sil_child_main(struct sil_shared *sh, int code_fd, int from, int to, bool has16);
bool sil_child_try16(void);

/* The way out that goes behind the code of a case: its length, written to (out). */
unsigned sil_exit_code(unsigned bits, uint64_t at, uint8_t *out);

/* ---- forms ------------------------------------------------------------------------------------- */

enum sil_modrm { SIL_NO_MODRM, SIL_MODRM_REG, SIL_MODRM_MEM };

struct sil_form {
	uint8_t bits;
	uint8_t prefix[2], nr_prefix; /* 66, F2, F3 that belong to it */
	bool w, vex;
	uint8_t map, opcode;
	int8_t digit; /* -1: any register */
	int8_t rm;    /* of register forms: -1: any */
	uint8_t modrm;
	uint16_t op;
	uint8_t opsize;
	uint8_t feature;      /* enum insn_cpuid */
	const char *left_out; /* why it is not run, or NULL */
	char name[48];
};

/* All forms, by the decoder; calloc'd. 0 or -ENOMEM. */
int sil_forms(struct sil_form **out, size_t *count);
/* Why an instruction may not be run on the host, or NULL. */
const char *sil_left_out(const struct insn *i, const uint8_t *bytes);

/* ---- generator ------------------------------------------------------------------------------------ */

struct sil_gen {
	uint64_t seed;
	const struct sil_form *forms;
	size_t nr_forms;
	bool has16;
};

/* Fill in (c) for slot (c->slot). False: no case came of it. */
bool sil_gen_form(const struct sil_gen *g, struct sil_case *c, uint32_t form, uint64_t index);
/* (n) instructions of random forms in a row; random bytes. */
bool sil_gen_sequence(const struct sil_gen *g, struct sil_case *c, unsigned bits, uint64_t index);
bool sil_gen_bytes(const struct sil_gen *g, struct sil_case *c, unsigned bits, uint64_t index);

/* No instruction by the decoder: may it be run on the host to see whether that agrees? */
bool sil_surely_bad(const uint8_t *code, unsigned bits);

uint64_t sil_val_int(struct rng *r, unsigned size);
void sil_val_f80(struct rng *r, uint8_t *p);
/* 16 bytes: integers, singles or doubles. */
void sil_val_vec(struct rng *r, uint8_t *p);
static inline unsigned sil_below(struct rng *r, unsigned n)
{
	return (unsigned)((rng_next(r) >> 32) * n >> 32);
}
static inline bool sil_one_in(struct rng *r, unsigned n)
{
	return !sil_below(r, n);
}

/* ---- model: the same on soft ------------------------------------------------------------------------ */

struct sil_model;

int sil_model_open(struct sil_model **out, const struct sil_shared *sh, struct err *err);
void sil_model_close(struct sil_model *m);
/* Run (c); (fast): by soft_run(), else by the reference path. */
void sil_model_run(struct sil_model *m, const struct sil_case *c, struct sil_result *out,
		   bool fast);

/* ---- comparing --------------------------------------------------------------------------------------- */

/* What differs: enum sil_field bits. */
enum sil_field {
	SIL_D_VECTOR = 1 << 0,
	SIL_D_ERROR = 1 << 1,
	SIL_D_CR2 = 1 << 2,
	SIL_D_RIP = 1 << 3,
	SIL_D_GPR = 1 << 4,
	SIL_D_FLAGS = 1 << 5,
	SIL_D_SEG = 1 << 6,
	SIL_D_MEM = 1 << 7,
	SIL_D_XMM = 1 << 8,
	SIL_D_MXCSR = 1 << 9,
	SIL_D_ST = 1 << 10,
	SIL_D_FPU = 1 << 11,  /* control, status, tag */
	SIL_D_FPTR = 1 << 12, /* last instruction, operand, opcode */
};

struct sil_diff {
	unsigned fields;
	uint64_t flags; /* RFLAGS bits */
};

void sil_compare(const struct sil_case *c, const struct sil_result *silicon,
		 const struct sil_result *soft, struct sil_diff *d);
/* The row of the table of explained differences that covers all of (d), or -1. */
int sil_explained(const struct sil_case *c, const struct sil_result *silicon,
		  const struct sil_result *soft, const struct sil_diff *d);
const char *sil_explanation(int row);
/* Has the table a row for it? Such ones are not put before others in a sequence. */
bool sil_approximate(const struct insn *i);
/* For a person: code, state, what differs. */
void sil_describe(struct buf *b, const struct sil_case *c, const struct sil_result *silicon,
		  const struct sil_result *soft, const struct sil_diff *d);

/* ---- many cases -------------------------------------------------------------------------------------- */

enum sil_kind { SIL_K_FORMS, SIL_K_SEQUENCES, SIL_K_BYTES };

struct sil_tally {
	uint64_t cases, faults, diffs, explained, fast_diffs, dropped;
	uint64_t next; /* index of the next case */
};

struct sil_options {
	uint64_t cases; /* in all */
	uint64_t seed, first;
	const char *form;  /* a part of the names of the forms that are run, or NULL */
	unsigned kinds;	   /* 1 << enum sil_kind */
	unsigned show;	   /* differences described a form */
	unsigned seconds;  /* 0: no limit */
	bool fast;	   /* soft_run() too */
	const char *tally; /* a file of counts that this run goes on with and adds to, or NULL */
	void (*put)(void *ctx, const char *text);
	void *ctx;
};

#define SIL_EXPLAINED 64
struct sil_report {
	struct sil_form *forms;
	size_t nr_forms;
	struct sil_tally *by_form; /* nr_forms, then sequences and bytes a mode */
	struct sil_tally all;
	uint64_t explained[SIL_EXPLAINED];
	bool has16;
	unsigned lost;
};
#define SIL_EXTRA 6u /* by_form[nr_forms + 3 * (kind - 1) + (0, 1, 2 for 64, 32, 16)] */

int sil_compare_many(const struct sil_options *opt, struct sil_report *rep, struct err *err);
void sil_report_free(struct sil_report *rep);

/* tally.c: a file of counts; one that is not there is empty. rep->forms and by_form are made. */
int sil_tally_load(const char *path, struct sil_report *rep, struct err *err);
int sil_tally_save(const char *path, const struct sil_report *rep, struct err *err);
extern const char *const sil_extra_names[SIL_EXTRA];
/* The table for the tree. 0 or -ENOMEM. */
int sil_summary(struct buf *b, const struct sil_report *rep);

#endif
