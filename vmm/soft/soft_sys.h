/* SPDX-License-Identifier: MIT */
/*
 * soft: what the system half of the CPU shares: descriptors, selectors, stacks of other privileges,
 * control bits that x86.h has no name for. Section numbers are of the SDM, volume 3A, unless said.
 */
#ifndef SOFT_SYS_H
#define SOFT_SYS_H

#include "soft_priv.h"

/* RFLAGS, SDM 1, 3.4.3 */
#define SOFT_FLAG_IOPL (3ull << 12)
#define SOFT_FLAG_NT   (1ull << 14)
#define SOFT_FLAG_VM   (1ull << 17)
#define SOFT_FLAG_VIF  (1ull << 19)
#define SOFT_FLAG_VIP  (1ull << 20)
#define SOFT_FLAG_ID   (1ull << 21)
#define SOFT_FLAGS_ALL 0x3f7fd7ull /* those that exist, bit 1 apart from being fixed */

/* CR0, CR4: 2.5 */
#define SOFT_CR0_EM	  (1ull << 2)
#define SOFT_CR0_TS	  (1ull << 3)
#define SOFT_CR4_VME	  (1ull << 0)
#define SOFT_CR4_PVI	  (1ull << 1)
#define SOFT_CR4_TSD	  (1ull << 2)
#define SOFT_CR4_PSE	  (1ull << 4)
#define SOFT_CR4_MCE	  (1ull << 6)
#define SOFT_CR4_PCE	  (1ull << 8)
#define SOFT_CR4_UMIP	  (1ull << 11)
#define SOFT_CR4_FSGSBASE (1ull << 16)
#define SOFT_CR4_PCIDE	  (1ull << 17)
#define SOFT_CR4_OSXSAVE  (1ull << 18)
#define SOFT_CR4_SMEP	  (1ull << 20)
#define SOFT_CR4_PKE	  (1ull << 22)
#define SOFT_CR3_NOFLUSH  (1ull << 63)
#define SOFT_DR6_FIXED	  0xffff0ff0ull /* 17.2.3: bits that are always one */
#define SOFT_DR6_BD	  (1ull << 13)
#define SOFT_DR6_BS	  (1ull << 14)
#define SOFT_DR6_BT	  (1ull << 15)
#define SOFT_DR7_GD	  (1ull << 13)
#define SOFT_DR7_LOCAL	  0x155ull /* L0 to L3 and LE: a task switch clears them */

/* Error codes, 6.13 */
#define SOFT_ERR_EXT 1u
#define SOFT_ERR_IDT 2u

/* ---- descriptors, 3.4.5 and 3.5 ---------------------------------------------------------------- */

/* Bits of a segment's attr: access byte, then AVL, L, D/B, G from bit 12 on. */
#define SOFT_ATTR_ACCESSED 0x0001u
#define SOFT_ATTR_RW	   0x0002u /* data: writable; code: readable */
#define SOFT_ATTR_EC	   0x0004u /* data: expand-down; code: conforming */
#define SOFT_ATTR_CODE	   0x0008u
#define SOFT_ATTR_S	   0x0010u /* code or data, not system */
#define SOFT_ATTR_P	   0x0080u
#define SOFT_ATTR_L	   0x2000u
#define SOFT_ATTR_DB	   0x4000u
#define SOFT_ATTR_G	   0x8000u

/* Types of system descriptors, table 3-2. */
enum soft_sys_type {
	SOFT_TSS16 = 1,
	SOFT_LDT = 2,
	SOFT_TSS16_BUSY = 3,
	SOFT_CALL16 = 4,
	SOFT_TASK_GATE = 5,
	SOFT_INT16 = 6,
	SOFT_TRAP16 = 7,
	SOFT_TSS32 = 9, /* and the 64-bit one */
	SOFT_TSS32_BUSY = 11,
	SOFT_CALL32 = 12, /* and the 64-bit one */
	SOFT_INT32 = 14,
	SOFT_TRAP32 = 15,
};
#define SOFT_TYPE_BUSY 2u

struct soft_desc {
	uint16_t sel;
	uint16_t attr;
	uint32_t limit; /* in bytes */
	uint64_t base;
	uint64_t raw;	 /* the 8 bytes: gates are read from it */
	uint32_t raw_hi; /* bits 32 to 63 of an address, where the descriptor has 16 bytes */
	uint64_t la;	 /* where it lies */
};

static inline unsigned soft_attr_dpl(uint16_t attr)
{
	return attr >> 5 & 3;
}
static inline unsigned soft_attr_type(uint16_t attr) /* of a system descriptor */
{
	return attr & 15;
}
static inline bool soft_attr_is_code(uint16_t attr)
{
	return (attr & (SOFT_ATTR_S | SOFT_ATTR_CODE)) == (SOFT_ATTR_S | SOFT_ATTR_CODE);
}
static inline bool soft_attr_conforming(uint16_t attr) /* of code */
{
	return attr & SOFT_ATTR_EC;
}
static inline bool soft_attr_writable_data(uint16_t attr)
{
	return (attr & (SOFT_ATTR_S | SOFT_ATTR_CODE | SOFT_ATTR_RW)) ==
	       (SOFT_ATTR_S | SOFT_ATTR_RW);
}
static inline unsigned soft_iopl(const struct soft *s)
{
	return (unsigned)(s->rflags >> 12) & 3;
}

/* #TS, #NP, #SS, #GP with a selector as error code; soft_fault_code() adds EXT. */
static inline _Noreturn void soft_sel_fault(struct soft *s, unsigned vec, uint16_t sel)
{
	soft_fault_code(s, vec, sel & 0xfffcu);
}

/*
 * Read the descriptor of (sel) from GDT or LDT; false: beyond the table's limit, or no LDT. The null
 * selector is the caller's to look at. May raise #PF.
 */
bool soft_desc_read(struct soft *s, uint16_t sel, struct soft_desc *d);
/* The same, and (vec)(sel) where there is none. */
void soft_desc_get(struct soft *s, uint16_t sel, unsigned vec, struct soft_desc *d);
/* A system descriptor of 16 bytes in long mode: fills in the high half, or raises (vec)(sel). */
void soft_desc_high(struct soft *s, unsigned vec, struct soft_desc *d);
/* Set the accessed bit in memory, where it is not yet. */
void soft_desc_accessed(struct soft *s, struct soft_desc *d);
/* Set or clear the busy bit of a TSS descriptor in memory. */
void soft_desc_busy(struct soft *s, const struct soft_desc *d, bool busy);
/* Into the hidden part of a register; sel is as in d. */
void soft_seg_from_desc(struct soft *s, unsigned seg, const struct soft_desc *d);
/* What real and virtual-8086 mode put into a segment register. */
void soft_seg_real(struct soft *s, unsigned seg, uint16_t sel);
/* A null selector. */
void soft_seg_null(struct soft *s, unsigned seg, uint16_t sel);
/* SS as long mode leaves it after an inter-privilege transfer: null with RPL (cpl). */
void soft_ss_null(struct soft *s, unsigned cpl);
/* The checks of MOV to DS, ES, FS, GS in protected mode on a descriptor: raises (vec), #NP. */
void soft_check_data(struct soft *s, const struct soft_desc *d, unsigned rpl, unsigned cpl,
		     unsigned vec);

/* CS and RIP, at privilege (cpl): the last step of a far transfer. Sets next_rip. */
void soft_set_cs(struct soft *s, const struct soft_desc *d, unsigned cpl, uint64_t rip);
/* Is (rip) good for the code segment (d)? #GP(0). */
void soft_check_rip(struct soft *s, const struct soft_desc *d, uint64_t rip);
/* Code that long mode runs as 64-bit. */
static inline bool soft_desc_is_64(const struct soft *s, const struct soft_desc *d)
{
	return soft_long(s) && (d->attr & SOFT_ATTR_L);
}
/* L and D both set in long mode is no code segment. */
static inline bool soft_desc_bad_l(const struct soft *s, const struct soft_desc *d)
{
	return soft_long(s) && (d->attr & SOFT_ATTR_L) && (d->attr & SOFT_ATTR_DB);
}

/* ---- returning, for RET and IRET (far.c) --------------------------------------------------------- */

/* Where a far transfer of a 64-bit offset leads: compatibility code takes its low half. */
uint64_t soft_cut_offset(const struct soft *s, const struct soft_desc *code, uint64_t off);
/* Read and check the CS that a return goes to. */
void soft_return_cs(struct soft *s, uint16_t sel, struct soft_desc *d);
/* And the SS, for privilege (cpl); false: it is null, which is fine there. */
bool soft_return_ss(struct soft *s, uint16_t sel, const struct soft_desc *code, unsigned cpl,
		    struct soft_desc *d);
/* Commit a return to the privilege of code->sel; data segments too good for it become null. */
void soft_return_outer(struct soft *s, struct soft_desc *code, struct soft_desc *ss,
		       uint16_t ss_sel, uint64_t rsp, uint64_t rip);

/* ---- stacks that are not (yet) the one in SS ------------------------------------------------- */

struct soft_stack {
	struct soft_desc ss; /* base, limit, attr; unused where width is 8 */
	uint64_t sp;	     /* whole RSP */
	uint8_t width;	     /* 2, 4, 8 */
	uint8_t cpl;
	uint16_t error; /* selector for the #SS of a stack without room */
};

/* The present one. */
void soft_stack_now(struct soft *s, struct soft_stack *st);
/*
 * The one for (cpl) from the TSS, checked (#TS, #SS); in long mode RSPn, or ISTn where (ist). In
 * long mode ss is left alone. The accessed bit is set.
 */
void soft_stack_tss(struct soft *s, unsigned cpl, unsigned ist, struct soft_stack *st);
/* Push (n) values of (size) bytes, the first one first: all checked before any is written. */
#define SOFT_PUSH_MAX 40
void soft_stack_push(struct soft *s, struct soft_stack *st, const uint64_t *val, unsigned n,
		     unsigned size);
/* (n) values of (size) bytes at SS:SP + (skip), the top first, without moving SP. */
void soft_stack_peek(struct soft *s, uint64_t *val, unsigned skip, unsigned n, unsigned size);
/* SP + (by), by the present width, as the whole RSP. */
/* An offset and a selector, of which 2 bytes are read, as Intel's CPUs do. */
void soft_stack_peek_far(struct soft *s, uint64_t *val, unsigned skip, unsigned size);
uint64_t soft_sp_after(const struct soft *s, uint64_t by);
/* Limit and canonical check of a stack access, then its linear address; #SS(error). */
uint64_t soft_stack_linear(struct soft *s, const struct soft_stack *st, uint64_t sp, unsigned size);

/* ---- task switch (task.c) ------------------------------------------------------------------------ */

enum soft_task_how { SOFT_TASK_JMP, SOFT_TASK_CALL, SOFT_TASK_IRET, SOFT_TASK_EVENT };
/*
 * Switch to the task of TSS descriptor (d), which was checked for type, privilege and presence.
 * (rip) is saved as the old task's EIP. Faults after the switch are those of the new task.
 */
void soft_task_switch(struct soft *s, const struct soft_desc *d, enum soft_task_how how,
		      uint64_t rip);
/* Read and check the TSS that a task gate or a nested task's link names; raises (vec). */
void soft_task_desc(struct soft *s, uint16_t sel, bool busy, unsigned vec, struct soft_desc *d);

/* ---- paging (paging.c) --------------------------------------------------------------------------- */

/* Load PAE's PDPTEs with (cr3): false where a reserved bit is set (4.4.1); nothing is changed then. */
bool soft_load_pdptes(struct soft *s, uint64_t cr3);
/* Are they in use with these registers? */
static inline bool soft_uses_pdptes(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(efer & X86_EFER_LMA);
}

/* ---- control registers, MSRs (control.c, msr.c) ------------------------------------------------- */

void soft_write_cr0(struct soft *s, uint64_t val);
void soft_write_cr3(struct soft *s, uint64_t val);
void soft_write_cr4(struct soft *s, uint64_t val);
/* A register of a CPUID leaf as the template has it; reg 0 EAX to 3 EDX. */
uint32_t soft_cpuid_reg(const struct soft *s, uint32_t leaf, uint32_t sub, unsigned reg);
uint64_t soft_tsc(struct soft *s);

static inline _Noreturn void soft_db_fault(struct soft *s)
{
	/* Fault-class, so RF goes to the handler's frame: 17.3.1.1. */
	s->rflags |= X86_FLAG_RF;
	soft_fault(s, X86_DB);
}

#endif
