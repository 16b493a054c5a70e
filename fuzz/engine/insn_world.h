/* SPDX-License-Identifier: MIT */
/*
 * insn_world: what fuzz/targets/mmio_insn.c and its seeds agree on: memory, modes, places that
 * registers point to.
 *
 * An input is INSN_HEAD bytes, then up to INSN_CODE bytes of code, behind which there is HLT:
 *   0  bits 0-1: enum insn_mode; bit 2: DF; bit 3: CF; bit 4: ZF
 *   1  what devices answer is made of it
 *   2  RCX (below 0xf0, else 64 times the low four bits)
 *   3  RSI and RBX, 4 RDI, 5 RBP, 6 RSP (0: the stack), 7 RAX's, RDX's and R8's value
 * A place is a row of insn_places, high four bits, and 0 to 15 bytes less than 8 before it.
 */
#ifndef FUZZ_ENGINE_INSN_WORLD_H
#define FUZZ_ENGINE_INSN_WORLD_H

#define INSN_HEAD 8u
#define INSN_CODE 64u

enum insn_mode { INSN_M_REAL, INSN_M_PROT, INSN_M_LONG, INSN_M_USER, INSN_MODES };

/* Guest-physical: 64 KiB of RAM; all else is devices'. */
#define INSN_RAM   0x10000u
#define INSN_PT	   0x1000u /* PML4, PDPT, PD, PT */
#define INSN_GDT   0x5000u
#define INSN_IDT   0x5400u
#define INSN_TSS   0x5800u
#define INSN_HLT   0x5c00u /* every fault ends here */
#define INSN_AT	   0x6000u /* code */
#define INSN_DATA  0x8000u
#define INSN_STACK 0xd000u

/*
 * Linear, with paging; elsewhere below 2 MiB linear is physical. INSN_V_RAM and the three pages
 * behind it: RAM, a device, a device elsewhere, RAM; then one that is not there, one that may not be
 * written.
 */
#define INSN_V_RAM    0x40000u
#define INSN_V_DEV    0x41000u
#define INSN_V_DEV2   0x42000u
#define INSN_V_RAM2   0x43000u
#define INSN_V_ABSENT 0x44000u
#define INSN_V_RO     0x45000u
#define INSN_P_DEV    0xfee03000ull
#define INSN_P_DEV2   0xc0000000ull

/* Linear addresses; the last ones lie where a device's range on the bus begins and ends. */
#define INSN_PLACES                                                                                \
	INSN_DATA, 0x10000, 0x20000, 0x21000, 0x40800, 0x41000, 0x42000, 0x43000, 0x44000,         \
		0x45000, 0x46000, 0xa0000, 0xb8000, 0x18003, 0x187f9, 0x1ffff8

/* A range on the bus, with odd ends. */
#define INSN_BUS_BASE 0x18003u
#define INSN_BUS_LEN  0x7f6u

#endif
