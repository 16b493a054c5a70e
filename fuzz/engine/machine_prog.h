/* SPDX-License-Identifier: MIT */
/*
 * machine_prog: how the bytes of an input of the machine targets read (fuzz/engine/machine.h decodes
 * them, the seed generators write them). Any bytes decode; what is missing at the end reads as zero.
 *
 * An input is operations: one byte (modulo MC_OPS) and its arguments.
 */
#ifndef FUZZ_ENGINE_MACHINE_PROG_H
#define FUZZ_ENGINE_MACHINE_PROG_H

/* Guest memory: RAM from 0, nothing else. Rings in slots; indirect tables; buffers. */
#define MC_RAM	    0x4000u
#define MC_SLOTS    8u
#define MC_RINGS(n) (0x200u * (n))
#define MC_AVAIL    0x100u /* behind the start of a slot */
#define MC_USED	    0x140u
#define MC_TABLES   0x1000u
#define MC_TABLE    0x100u /* bytes of one */
#define MC_DATA	    0x2000u
#define MC_NUM	    16u /* entries of a queue at most */

enum mc_op {
	MC_READ,  /* device, MC_A_*, offset */
	MC_WRITE, /* device, MC_A_*, offset, value */
	MC_DRIVE, /* virtio device, MC_D_*: a driver's set-up of it and of its queues */
	MC_CHAIN, /* virtio device, queue | MC_C_*, out | in << 4 (three bits each), buffers: address, length */
	MC_KICK,       /* virtio device, queue */
	MC_BYTES,      /* where / 32 in the buffers, n - 1 (modulo 32), n bytes */
	MC_POKE,       /* two bytes of address, two of value: rings too */
	MC_CLOCK,      /* 1 << (b % 24) ns */
	MC_RESET,      /* device */
	MC_SAVE,       /* device: save, reset, load; dear inputs. MC_ALL: all of them */
	MC_LINE,       /* line | level << 7, from outside */
	MC_ACK,	       /* the CPU takes an interrupt */
	MC_EVENT,      /* a byte for the target: something happens outside */
	MC_HOOK,       /* countdown, offset, xor: payload that was read changes behind it */
	MC_STATUS_ACK, /* virtio device: InterruptStatus is read and acknowledged */
	MC_OTHER,      /* a byte for the target, and what it reads: its own operation */
	MC_OPS
};

#define MC_ALL 0xffu

/*
 * An access: size - 1 in the low three bits, where its offset counts from in the next two, and the range,
 * modulo their number, in the rest.
 */
#define MC_A(size, from, range) (unsigned char)(((size)-1) | (from) << 3 | (range) << 5)
enum mc_from {
	MC_F_REG, /* the class's register table: its (b)-th entry in that range, at its width if size is 1 */
	MC_F_BYTE, /* as it is */
	MC_F_WORD, /* two bytes, modulo the range's length */
	MC_F_END,  /* 8 - b % 16 before the range's end: beyond it too */
};

/* Of a set-up: which queues are left away, one bit each, but for bits of the ring and of the status. */
#define MC_D_NUM(n)	  (n) /* an index into MC_NUMS */
#define MC_NUMS		  8, 16, 4, 2
#define MC_D_EVENT_IDX	  0x04u
#define MC_D_NO_INDIRECT  0x08u
#define MC_D_NO_DRIVER_OK 0x10u
#define MC_D_BAD_FEATURE  0x20u
#define MC_D_FEW	  0x40u /* every second feature of the device itself */
#define MC_D_NO_RESET	  0x80u

#define MC_C_INDIRECT 0x10u
#define MC_C_NO_KICK  0x20u
#define MC_C_LOOP     0x40u /* the last descriptor's next is the first */

/* Addresses of buffers: MC_DATA + 32 * b, and the last ones: */
#define MC_P_END 0xf0u /* RAM's end less 8 * (b & 7) */
#define MC_P_BAD 0xf8u /* a register, 2^64 - 1, behind RAM, 2^63, rings, used ring, tables, 4 GiB */
/* Lengths: below 0xc0 as they are, below 0xf0 64 * (b & 63), then: */
#define MC_N_HUGE 0xf0u
#define MC_N_HUGES                                                                                 \
	0xffffffffu, 0x80000000u, 0x10000u, 0x4000u, 0x2001u, 0x2000u, 0x1fffu, 0x7fffffffu

/* Values: below 0xe0 as they are, then 1 << 4 * n, from 0xf0 all ones less (b & 15), 0xff: as many raw
   bytes as the access has. */
#define MC_V_RAW 0xffu

#endif
