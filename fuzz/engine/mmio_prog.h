/* SPDX-License-Identifier: MIT */
/*
 * mmio_prog: how the bytes of an input of fuzz/targets/mmio.c read; the target decodes them and the
 * seed generator writes them. Any bytes decode; what is missing at the end reads as zero.
 *
 * An input is operations. One whose first byte is below 0x80 is an access: MMIO_ACCESS(...), an
 * offset byte, and for a write a value byte. The others are enum mmio_op and their arguments.
 */
#ifndef FUZZ_ENGINE_MMIO_PROG_H
#define FUZZ_ENGINE_MMIO_PROG_H

/* Guest memory: RAM from 0; nothing else. Rings of each queue, then tables, then buffers. */
#define MMIO_RAM	    0x4000ull
#define MMIO_RINGS(dev, q)  (0x800ull * ((dev) ? 1 + (q) : 0))
#define MMIO_TABLES	    0x1800ull
#define MMIO_DATA	    0x2000ull
#define MMIO_RNG	    0xd0000000ull
#define MMIO_ECHO	    0xd0000200ull
#define MMIO_ECHO_QUEUES    2u
#define MMIO_ECHO_CONFIG    13u
#define MMIO_ECHO_QUEUE_MAX 16u
/* A range that ends with the last byte of the space, in each space that has an end. */
#define MMIO_TOP_LEN	 32u
#define MMIO_PIO_TOP_LEN 8u

#define MMIO_WRITE		     0x08
#define MMIO_ACCESS(area, rw, size)  (unsigned char)((area) | (rw) | ((size)-1) << 4)
#define MMIO_R(area, size, off)	     MMIO_ACCESS(area, 0, size), off
#define MMIO_W(area, size, off, val) MMIO_ACCESS(area, MMIO_WRITE, size), off, val
#define MMIO_W32(area, off, a, b, c, d)                                                            \
	MMIO_ACCESS(area, MMIO_WRITE, 4), off, MMIO_V_RAW, a, b, c, d

enum mmio_area {
	MMIO_A_RNG,    /* offset as it is */
	MMIO_A_ECHO,   /* offset as it is */
	MMIO_A_CONFIG, /* of the echo device: from 8 before it; 0x80 and up: the range's end */
	MMIO_A_UART,   /* from 2 before it, modulo 12 */
	MMIO_A_PORTS,  /* modulo 32: MMIO_PORTS */
	MMIO_A_TEST,   /* below 0x80: times 4; below 0xc0: less 0x80; else 0xf3c added */
	MMIO_A_PIO,    /* the test device's ports, from 2 before, modulo 0x26 */
	/* below 0x40: MSRs from 2 before, modulo 20; below 0x80: the top of MMIO; below 0xc0: the
	   top of PIO; else the MMIO address 1 << offset % 64 */
	MMIO_A_EDGES,
};

/* PICs, debug ports; PIT; i8042; RTC; fw_cfg; ACPI PM. */
#define MMIO_PORTS                                                                                 \
	0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0xe9, 0xf4, 0x40, 0x41, 0x42, 0x43, 0x61, 0x60,      \
		0x64, 0x92, 0x70, 0x71, 0x510, 0x511, 0x600, 0x602, 0x603, 0x604, 0x605, 0x608,    \
		0x60a, 0x60c, 0x60e, 0x60f, 0x610, 0x611

/* Value bytes: below 0xe0 as they are, then 1 << 2 * n, then these, last raw bytes. */
#define MMIO_V_BIT(n) (0xe0 + (n) / 2) /* n even, 0 to 30 */
#define MMIO_V_TABLE  0xf0
#define MMIO_V_VALUES                                                                              \
	UINT64_MAX, 0x10000, 0x8000, 0x100000000, 257, 512, 0x10001, 0xffffffff, 0x4000, 0x80,     \
		0x0001000000000001, 0xf0, 0x20000000, 0x55aa55aa55aa55aa, 0x10010
#define MMIO_V_RAW 0xff /* as many bytes as the access has */

enum mmio_op {
	/* selector, MMIO_U_*: a driver's set-up of a device and one queue, as MMIO_B_* says */
	MMIO_OP_BRING_UP = 0x80,
	/* selector, n - 1 | writable << 4, then (n) buffers: address, length */
	MMIO_OP_CHAIN,
	MMIO_OP_DESC,	  /* selector, index, address, length, flags, next */
	MMIO_OP_AVAIL,	  /* selector, signed distance of avail.idx from what was offered */
	MMIO_OP_SUPPRESS, /* selector, avail.flags, used_event */
	MMIO_OP_POKE,	  /* two bytes of address, two of value */
	MMIO_OP_CLOCK,	  /* 1 << (b & 31) ns, (b >> 5) + 1 times */
	MMIO_OP_ACK,	  /* the CPU acknowledges */
	MMIO_OP_RESET,	  /* device, modulo their number */
	MMIO_OP_SAVE,	  /* save, reset and load all, on inputs for dear checks */
	MMIO_OP_LINE,	  /* line | level << 4, from outside */
	MMIO_OP_UART,	  /* 8N1 at 115200; FCR is b | 1, MCR b & 0x10 | 0x0b; IER all */
	MMIO_OP_PIC,	  /* both chips; ICW1 0x11 | b & 8, ICW4 1 | b & 0x12 */
	MMIO_OP_RESULT,	  /* of a host operation */
	MMIO_OPS_END
};

/* Selector: device (0 rng, 1 echo), queue of it (modulo), and for chains: */
#define MMIO_S_ECHO	0x01
#define MMIO_S_QUEUE(n) ((n) << 1) /* 0 to 3 */
#define MMIO_S_INDIRECT 0x08
#define MMIO_S_OFFER	0x10
#define MMIO_S_PUBLISH	0x20
#define MMIO_S_NOTIFY	0x40
#define MMIO_S_GO	(MMIO_S_OFFER | MMIO_S_PUBLISH | MMIO_S_NOTIFY)
/* Selector of BRING_UP: the rest is log2 of the size, 0 to 6; from 7 on 1 << (n + 7), none of which
   can be; from 24 on 0x10000 + (1 << (n - 24)), which cannot be either, but for its low half */
#define MMIO_S_NUM(n) ((n) << 3)

#define MMIO_B_EVENT_IDX    0x01
#define MMIO_B_NO_INDIRECT  0x02
#define MMIO_B_NO_DRIVER_OK 0x04
#define MMIO_B_BAD_FEATURE  0x08
#define MMIO_B_NO_RESET	    0x10
#define MMIO_B_LAYOUT(n)    ((n) << 5)
enum mmio_layout {
	MMIO_L_NORMAL,
	MMIO_L_NORMAL2,
	MMIO_L_USED_END, /* the used ring ends with RAM */
	MMIO_L_OVERLAP,	 /* the used ring over the table */
	MMIO_L_ALIGN,	 /* a table at an odd address */
	MMIO_L_OUTSIDE,	 /* the avail ring half outside RAM */
	MMIO_L_TOP,	 /* the table at the end of the space */
	MMIO_L_DATA,	 /* the table among the buffers */
};

/* Addresses of buffers: b * 64, and the last ones: */
#define MMIO_P_END 0xf0 /* RAM's end less 8 * (b & 7) */
#define MMIO_P_BAD 0xf8 /* a device, 2^64 - 1, the byte behind RAM, 2^63, ... */
/* Lengths: below 0xc0 as they are, below 0xf0 (b & 63) * 64, then: */
#define MMIO_N_HUGE  0xf0
#define MMIO_N_HUGES 0xffffffff, 0x80000000, 0x10000, 0x4000, 0x3fff, 0x2000, 0x1000, 0x7fffffff

#endif
