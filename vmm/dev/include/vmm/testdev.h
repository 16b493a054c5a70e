/* SPDX-License-Identifier: MIT */
/*
 * testdev: the register map of the test device (class "testdev"), by which a guest checks what the
 * machine does with its accesses and asks things of the machine. Ours: there is no datasheet.
 *
 * Three ranges: ports TESTDEV_PIO_* from 0x700 (0x20 bytes), registers TESTDEV_* from 0xfeb00000
 * (0x1000 bytes), MSRs TESTDEV_MSR + 0 to 7.
 *
 * Widths. The scratch areas and the RMW area take accesses of any width at any offset inside them,
 * as memory does. Every other register takes an access of exactly its width at its offset; a
 * 64-bit register also takes its two 32-bit halves. Anything else reads 0, writes nothing and
 * leaves a guest-error event.
 *
 * A guest that reaches ports only (real mode) gets at every register by the window: write the
 * register's offset (a multiple of 4) to TESTDEV_PIO_INDEX, then read or write the 32 bits there
 * through TESTDEV_PIO_DATA.
 *
 * After reset every register is 0, no timer runs and the interrupt line is low.
 */
#ifndef VMM_TESTDEV_H
#define VMM_TESTDEV_H

#include <vmm/base.h>

struct dev;

/* Ports, from the base of range 0 (0x700). */
enum testdev_pio {
	/* 16 bytes of scratch, as memory; each access is logged */
	TESTDEV_PIO_SCRATCH8 = 0x00, /* 8 bytes, rw */
	TESTDEV_PIO_SCRATCH4 = 0x08, /* 4 bytes, rw */
	TESTDEV_PIO_SCRATCH2 = 0x0c, /* 2 bytes, rw */
	TESTDEV_PIO_SCRATCH1 = 0x0e, /* 1 byte, rw; one more at 0x0f */
	TESTDEV_PIO_SCRATCH_LEN = 0x10,
	TESTDEV_PIO_LOG_COUNT = 0x10, /* 4 bytes: TESTDEV_LOG_COUNT */
	TESTDEV_PIO_LOG_LAST = 0x14,  /* 4 bytes: TESTDEV_LOG_LAST */
	TESTDEV_PIO_INDEX = 0x18,     /* 2 bytes, rw: offset of a register below */
	TESTDEV_PIO_CTRL = 0x1a,      /* 1 byte, rw: TESTDEV_CTRL */
	TESTDEV_PIO_DATA = 0x1c,      /* 4 bytes, rw: the 32 bits at the offset in INDEX */
	TESTDEV_PIO_LEN = 0x20,
};

/* Registers, from the base of range 1 (0xfeb00000). */
enum testdev_reg {
	/* 64 bytes of scratch, as memory; each access is logged */
	TESTDEV_SCRATCH8 = 0x000, /* 8 bytes, rw */
	TESTDEV_SCRATCH4 = 0x008, /* 4 bytes, rw */
	TESTDEV_SCRATCH2 = 0x00c, /* 2 bytes, rw */
	TESTDEV_SCRATCH1 = 0x00e, /* 1 byte, rw; the rest, 0x00f to 0x03f, has no names */
	TESTDEV_SCRATCH_LEN = 0x040,

	/* The log of accesses to scratch, those of ports and MSRs too. Any write to COUNT clears.
	 */
	TESTDEV_LOG_COUNT = 0x040, /* 4 bytes, r: accesses since the log was cleared; w: clear */
	TESTDEV_LOG_LAST = 0x044,  /* 4 bytes, r: the last one, as TESTDEV_LOG_* says; 0: none */

	TESTDEV_CTRL = 0x050, /* 4 bytes, rw: TESTDEV_CTRL_* */

	/* A failed assertion: write GOT and WANT, then LINE, which reports it. */
	TESTDEV_ASSERT_LINE = 0x060, /* 4 bytes, rw */
	TESTDEV_ASSERT_GOT = 0x068,  /* 8 bytes, rw */
	TESTDEV_ASSERT_WANT = 0x070, /* 8 bytes, rw */

	/* The first 16 accesses since the log was cleared, 4 bytes each, r. */
	TESTDEV_LOG = 0x080,

	/* Host operations (enum vm_hostop): write A0 to A3 as needed, then OP, which asks. */
	TESTDEV_A0 = 0x0c0,	/* 8 bytes, rw */
	TESTDEV_A1 = 0x0c8,	/* 8 bytes, rw */
	TESTDEV_A2 = 0x0d0,	/* 8 bytes, rw */
	TESTDEV_A3 = 0x0d8,	/* 8 bytes, rw */
	TESTDEV_OP = 0x0e0,	/* 4 bytes, rw */
	TESTDEV_RESULT = 0x0e8, /* 8 bytes, r: signed; of the last operation */

	/* 64 bytes as memory whose accesses are counted, for read-modify-write. Not in the log. */
	TESTDEV_RMW = 0x100,
	TESTDEV_RMW_LEN = 0x040,
	TESTDEV_RMW_READS = 0x140,  /* 4 bytes, rw: reads of RMW so far */
	TESTDEV_RMW_WRITES = 0x144, /* 4 bytes, rw: writes of RMW so far */
	TESTDEV_NEXT = 0x148,	    /* 4 bytes, rw: each read gives its value, then adds 1 to it */

	/* One shot in virtual time. */
	TESTDEV_TIMER = 0x160,	      /* 8 bytes; w: arm for so many ns from now, 0: cancel; r: ns
				       * left, 0: not armed. By halves: the high one first (it is
				       * kept until then), the low one arms. */
	TESTDEV_TIMER_STATUS = 0x168, /* 4 bytes; r: 1 fired; w of bit 0: clear it */
	TESTDEV_TIME = 0x170,	      /* 8 bytes, r: virtual ns now */
	TESTDEV_LEN = 0x1000,
};

#define TESTDEV_LOG_ENTRIES 16u
/* An entry of the log: offset in its space (MSR: index), size, and these. */
#define TESTDEV_LOG_OFF_MASK   0xffffu
#define TESTDEV_LOG_SIZE_SHIFT 16 /* 8 bits */
#define TESTDEV_LOG_WRITE      (1u << 24)
#define TESTDEV_LOG_MMIO       (1u << 25)
#define TESTDEV_LOG_MSR	       (1u << 26)

/* The interrupt line (option `irq`) is high while CTRL_IRQ is set or the timer has fired. */
#define TESTDEV_CTRL_IRQ 1u
#define TESTDEV_CTRL_NMI 2u /* writing it sends one NMI; reads as 0 */

/*
 * The first 8 of the 16 MSRs that reach user space (CPU_MSR_USER of cpu.h): 64 bits of scratch
 * each, logged. The other 8 are on no bus: an access ends in #GP.
 */
#define TESTDEV_MSR	     0x4b564d80u
#define TESTDEV_MSR_SCRATCH  8u
#define TESTDEV_MSR_FAULT    (TESTDEV_MSR + TESTDEV_MSR_SCRATCH)
#define TESTDEV_MSR_FAULT_NR 8u

/* What the machine answers to a host operation. (d) must be of the class "testdev". */
void testdev_set_result(struct dev *d, int64_t result);

#endif
