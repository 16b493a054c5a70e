/* SPDX-License-Identifier: MIT */
/* soft: helpers of the system operations, and their prototypes. */
#ifndef SOFT_SYSTEM_H
#define SOFT_SYSTEM_H

#include "soft_sys.h"

#define SOFT_OP(name, fn) void fn(struct soft *s, const struct insn *i);
#include "ops_system.h"
#undef SOFT_OP

/* Operand n as 16 bits, whatever the operand size: selectors and LMSW. */
uint16_t soft_sys_read16(struct soft *s, const struct insn *i, unsigned n);
/*
 * Store of SLDT, STR, SMSW: memory gets 16 bits, a register as many as the operand size has.
 */
void soft_sys_store(struct soft *s, const struct insn *i, uint64_t val);
/* SGDT, SIDT, SLDT, STR, SMSW above CPL 0 with CR4.UMIP: #GP(0). */
void soft_check_umip(struct soft *s);
/* #UD in real and virtual-8086 mode. */
void soft_need_prot(struct soft *s);
/* A local APIC: the machine has it, and hears of IA32_APIC_BASE and CR8. */
bool soft_has_apic(const struct soft *s);
/* CR4 bits that the template offers. */
uint64_t soft_cr4_known(const struct soft *s);

#endif
