/* SPDX-License-Identifier: MIT */
/*
 * dev_queue_prog: how the bytes of an input of the dev_* targets read (fuzz/engine/dev_queue.h decodes
 * them, the seed generators write them). Any bytes decode; what is missing at the end reads as zero.
 *
 * An input is four header bytes, then operations: one byte (modulo DQ_OPS) and its arguments.
 */
#ifndef FUZZ_ENGINE_DEV_QUEUE_PROG_H
#define FUZZ_ENGINE_DEV_QUEUE_PROG_H

/* Guest memory: RAM from 0, nothing else. Rings, a piece a queue; indirect tables; buffers. */
#define DQ_RAM	    0x4000u
#define DQ_RINGS(q) (0x200u * (q))
#define DQ_AVAIL    0x100u /* behind the start of a queue's piece */
#define DQ_USED	    0x140u
#define DQ_TABLES   0x1000u
#define DQ_TABLE    0x100u /* bytes of one */
#define DQ_DATA	    0x1800u
#define DQ_NUM_MAX  16u

/* Header byte 0: which of the target's variants, modulo their number. Byte 1: */
#define DQ_H_PACKED	  0x01u
#define DQ_H_EVENT_IDX	  0x02u
#define DQ_H_NO_INDIRECT  0x04u
#define DQ_H_NUM(n)	  ((n) << 3)		    /* an index into DQ_NUMS */
#define DQ_NUMS		  8, 16, 4, 2, 1, 12, 5, 16 /* split: rounded down to a power of two */
#define DQ_H_NO_DRIVER_OK 0x40u
#define DQ_H_BAD_FEATURE  0x80u /* one is accepted that is not offered */
/* Byte 2: features of the device itself that are not accepted: bit i of 8 stands for every i-th. */
/* Byte 3: what else of the ring is accepted, where it is offered. */
#define DQ_H_IN_ORDER	 0x01u
#define DQ_H_RING_RESET	 0x02u
#define DQ_H_NOTIFY_DATA 0x04u

enum dq_op {
	DQ_REQUEST,   /* selector, cut, then as the target's request() reads */
	DQ_CHAIN,     /* selector, out | in << 4 (three bits each), then buffers: address, length */
	DQ_KICK,      /* queue */
	DQ_BYTES,     /* where / 32 in the buffers, n - 1 (modulo 32), n bytes */
	DQ_EVENT,     /* a byte for the target: something happens outside */
	DQ_CLOCK,     /* 1 << (b & 31) ns */
	DQ_CONFIG,    /* DQ_A_*, offset, to write: value */
	DQ_REG,	      /* the same on the transport's registers */
	DQ_RESET,     /* enum dq_reset */
	DQ_SUPPRESS,  /* queue, flags, used_event as signed distance; packed: offset, flags */
	DQ_AVAIL_IDX, /* queue, signed distance from what was offered */
	DQ_POKE,      /* two bytes of address, two of value */
	DQ_DESC,      /* selector, index, address, length, flags, next */
	DQ_HOOK, /* countdown, offset, xor: what the device has just read changes; dear inputs */
	DQ_ACK,
	DQ_SAVE, /* save, reset, load; dear inputs */
	DQ_OPS
};

/* Selector: the queue (modulo their number), and: */
#define DQ_S_QUEUE(n)	  (n)
#define DQ_S_INDIRECT	  0x08u
#define DQ_S_NO_KICK	  0x10u
#define DQ_S_NO_PUBLISH	  0x20u
#define DQ_S_IN_THE_TABLE 0x40u /* DESC: of table 0, nothing is offered */

/* The cut of REQUEST: 0: none, else its first readable buffer is cut behind so many bytes. */

/* CONFIG and REG: size - 1 in the low three bits, and: */
#define DQ_A_WRITE 0x08u

enum dq_reset {
	DQ_R_DEVICE, /* and the header's set-up again */
	DQ_R_STATUS, /* status 0 and nothing more */
	DQ_R_QUEUE,  /* the queue of the bits above (b >> 2), by QueueReset where b & 0x20 */
	DQ_R_OTHER,  /* as DQ_R_DEVICE, by other features: a byte as header byte 1 follows */
	DQ_RESETS
};

/* Addresses of buffers: DQ_DATA + 32 * b, and the last ones: */
#define DQ_P_END 0xf0u /* RAM's end less 8 * (b & 7) */
#define DQ_P_BAD 0xf8u /* a register, 2^64 - 1, behind RAM, 2^63, rings, used ring, tables, 4 GiB */
/* Lengths: below 0xc0 as they are, below 0xf0 64 * (b & 63), then: */
#define DQ_N_HUGE 0xf0u
#define DQ_N_HUGES                                                                                 \
	0xffffffffu, 0x80000000u, 0x10000u, 0x4000u, 0x2801u, 0x2000u, 0x2800u, 0x7fffffffu

/* Values: below 0xe0 as they are, then 1 << 2 * n, from 0xf0 all ones less (b & 15), 0xff: as many raw
   bytes as the access has. */
#define DQ_V_BIT(n) (0xe0u + (n) / 2)
#define DQ_V_RAW    0xffu

#endif
