/* SPDX-License-Identifier: MIT */
/*
 * virtq_prog: how the bytes of an input of fuzz/targets/virtq.c read; the target decodes them and
 * the seed generator writes them. Any bytes decode; what is missing at the end reads as zero.
 *
 * An input is 4 header bytes, then operations: one byte (modulo PROG_OPS) and its arguments.
 * A queue's rings fill the page at PROG_RINGS, tables behind them; buffers lie in the next page.
 */
#ifndef FUZZ_ENGINE_VIRTQ_PROG_H
#define FUZZ_ENGINE_VIRTQ_PROG_H

/* Guest memory: RAM, a hole, two adjacent regions of RAM, ROM, and 1 GiB where PROG_W_BIG. */
#define PROG_R0	     0x0ull
#define PROG_R0_LEN  0x10000ull
#define PROG_R1	     0x20000ull
#define PROG_R1_LEN  0x8000ull
#define PROG_R2	     0x28000ull
#define PROG_R2_LEN  0x8000ull
#define PROG_ROM     0x40000ull
#define PROG_ROM_LEN 0x1000ull
#define PROG_BIG     0x100000000ull
#define PROG_BIG_LEN 0x40000000ull

#define PROG_RINGS 0x1000ull
#define PROG_AVAIL 0x1400ull
#define PROG_USED  0x1500ull
#define PROG_TABLE 0x1800ull
#define PROG_DATA  0x2000ull

#define PROG_NUM_MAX 64u /* of the queue under test */

/*
 * Header byte 0: log2 of the size, modulo 7 below PROG_W_ANY_NUM, else modulo 5: a chain that loops is
 * walked as often as there are entries, and nothing of 64 goes wrong that 16 do not show.
 * Byte 1:
 */
#define PROG_W_ANY_NUM	   14u
#define PROG_W_EVENT_IDX   0x01u
#define PROG_W_NO_INDIRECT 0x02u
#define PROG_W_REGIONS_GO                                                                          \
	0x04u /* of PROG_W_REGIONS_MASK: regions may be removed; no 1 GiB region */
#define PROG_W_REGIONS_MASK 0x3cu /* one in 16: removing is slow */
/* Byte 2: enum prog_layout. Byte 3: k: the indices start at 65536 - k. */

enum prog_layout {
	PROG_L_COMPACT,
	PROG_L_USED_R2,	     /* the used ring in a region of its own */
	PROG_L_AVAIL_BORDER, /* the avail ring over the border of two adjacent regions */
	PROG_L_DESC_END,     /* the table ends with the last byte of RAM */
	PROG_L_USED_BORDER,
	PROG_L_OVERLAP,	 /* the used ring over the table */
	PROG_L_AVAIL_R1, /* the avail ring in a region of its own */
	PROG_L_CUSTOM,	 /* three address selectors follow (at once, behind the header too) */
	PROG_LAYOUTS
};

enum prog_op {
	PROG_DESC,	 /* i, buffer, flags, next */
	PROG_CHAIN,	 /* n and PROG_C_*, writable, min(n, 8) buffers */
	PROG_INDIRECT,	 /* table, direct descriptors before it (0 to 3), then as PROG_CHAIN */
	PROG_OFFER,	 /* which: below 0x80 the last chain, 0xff and two bytes, else modulo num */
	PROG_PUBLISH,	 /* avail.idx = what was offered */
	PROG_AVAIL_IDX,	 /* signed distance from what was offered; 0x80: two bytes follow */
	PROG_SUPPRESS,	 /* avail.flags, used_event as signed distance from the used index */
	PROG_KICK,	 /* PROG_K_*, then an action for each chain */
	PROG_PUSH_HELD,	 /* which, action */
	PROG_RECONF,	 /* reset and set up: num selector, header byte 1, layout */
	PROG_POKE,	 /* a byte: page offset / 16 from PROG_RINGS, offset, two bytes of value */
	PROG_HOOK,	 /* countdown, offset, xor: change what the device has just read */
	PROG_REGION,	 /* remove region 0 to 2, or add it again */
	PROG_INTERRUPT,	 /* ask whether one is needed */
	PROG_WANT_KICKS, /* bit 0 */
	PROG_NEXT,	 /* one chain without a new doorbell, action */
	PROG_OPS
};

/* A buffer: an address selector and a length selector. */
enum prog_addr {
	/* below 0x60: PROG_DATA + 32 * selector; else the low four bits are k */
	PROG_A_R0_END = 0x60, /* end of RAM before the hole - 16 + 2k */
	PROG_A_R1 = 0x70,     /* start behind the hole - 16 + 4k */
	PROG_A_BORDER = 0x80, /* the adjacent regions' border - 32 + 4k */
	PROG_A_R2_END = 0x90, /* end of RAM - 8k */
	PROG_A_ROM = 0xa0,    /* ROM + 16k */
	PROG_A_TOP = 0xb0,    /* 2^64 - 1 - 17k */
	PROG_A_BIG = 0xc0,    /* 1 GiB region + k MiB; k = 15: 64 before its end */
	PROG_A_DESC = 0xd0,   /* descriptor table + 16k */
	PROG_A_AVAIL = 0xe0,  /* k < 8: avail ring + 2k */
	PROG_A_USED = 0xe8,   /* used ring + 4 (k - 8) */
	PROG_A_TABLE = 0xf0,  /* k < 8: PROG_TABLE + 64k */
	PROG_A_HOLE = 0xf8,   /* k < 15: a hole, each another */
	PROG_A_RAW = 0xff,    /* eight bytes follow */
};

enum prog_len {
	/* below 0x80: itself; below 0xc0: 64 * the low six bits */
	PROG_LEN_TO_END = 0xc0, /* to the end of the region */
	PROG_LEN_PAST_END,	/* one more */
	PROG_LEN_BELOW_END,	/* one less */
	PROG_LEN_HUGE,		/* from here prog_huge_lens[] */
	PROG_LEN_RAW = 0xcb,	/* four bytes follow */
};
#define PROG_HUGE_LENS                                                                             \
	0xffffffff, 0xfffffff0, 0x80000000, 0x40000000, 0x3fffffff, 0x10000, 0x10001, 0x1000

/*
 * In n of PROG_CHAIN and PROG_INDIRECT; the low six bits k are the number of buffers: below 16 it is k + 1,
 * below PROG_C_MANY k % 8 + 1, then 8, 16 ... 64.
 */
#define PROG_C_MANY    56u
#define PROG_C_OFFER   0x80u /* offer it */
#define PROG_C_PUBLISH 0x40u /* and publish */

/* PROG_KICK */
#define PROG_K_INTERRUPT 0x01u /* ask for the interrupt at the end */
#define PROG_K_QUIET	 0x02u /* want no kicks meanwhile */
#define PROG_K_REFILL	 0x04u /* the driver offers and publishes again after each push */

/* An action on a chain. */
#define PROG_ACT	0x03u
#define PROG_ACT_EMPTY	0u /* push with nothing stored */
#define PROG_ACT_FULL	1u /* fill the writable part (at most 4096 bytes), push */
#define PROG_ACT_PIECES 2u /* two pieces, one byte of length each, then the first again; push */
#define PROG_ACT_HOLD	3u
#define PROG_ACT_READ	0x04u /* read first: offset, length */

/* PROG_RECONF's num selector: below 7 a power of two, then these. */
#define PROG_BAD_NUMS 0, 3, 65536, 0x10040, 128, 0xffffffff, 63, 0x80000000

#endif
