/* SPDX-License-Identifier: MIT */
/*
 * machine_seed: what the seed generators of the machine targets share: operations of machine_prog.h as
 * bytes, and seeds that fit any machine: every register of each device read and written, ends of ranges, a
 * driver for each virtio device.
 *
 *	int main(int argc, char **argv)
 *	{
 *		return ms_begin(argc, argv) || ms_registers(0, 2) || ms_seed("mine", 3, bytes) ...;
 *	}
 *
 * Each function returns 0, or 1 and has said why.
 */
#ifndef FUZZ_ENGINE_MACHINE_SEED_H
#define FUZZ_ENGINE_MACHINE_SEED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "machine_prog.h"

#define MS_MAX	256u /* bytes of a seed */
#define MS_REGS 8u   /* registers in one */

static const char *ms_folder;

static int ms_begin(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s OUTDIR\n", argv[0]);
		return 2;
	}
	ms_folder = argv[1];
	return 0;
}

static int ms_seed(const char *name, size_t len, const uint8_t *p)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", ms_folder, name);
	f = fopen(path, "wb");
	if (f && fwrite(p, 1, len, f) == len && !fclose(f))
		return 0;
	perror(path);
	return 1;
}

#define MS(name, ...)                                                                              \
	ms_seed(name, sizeof((const uint8_t[]){__VA_ARGS__}), (const uint8_t[]){__VA_ARGS__})

#define MS_RD(dev, size, from, range, off)	MC_READ, dev, MC_A(size, from, range), off
#define MS_WR(dev, size, from, range, off, val) MC_WRITE, dev, MC_A(size, from, range), off, val
/* One readable buffer of 16 bytes and a writable one of 64, to queue (q) of virtio device (v). */
#define MS_PAIR(v, q) MC_CHAIN, v, q, 0x11, 0, 16, 8, 64

/* The registers of (ranges) ranges of a device: all read, then all written and read. */
__attribute__((unused)) static int ms_registers(uint8_t dev, unsigned ranges)
{
	static const uint8_t vals[] = {0, 1, 0xff, 0xe4};
	uint8_t b[MS_MAX];
	char name[64];
	size_t n;

	for (unsigned range = 0; range < ranges; range++) {
		for (unsigned from = 0; from < 32; from += MS_REGS) {
			n = 0;
			for (uint8_t i = 0; i < MS_REGS; i++) {
				const uint8_t op[] = {
					MS_RD(dev, 1, MC_F_REG, range, (uint8_t)(from + i)),
					MS_RD(dev, 4, MC_F_END, range, (uint8_t)(from + i))};

				for (size_t k = 0; k < sizeof(op); k++)
					b[n++] = op[k];
			}
			snprintf(name, sizeof(name), "read-%u-%u-%u", dev, range, from);
			if (ms_seed(name, n, b))
				return 1;
			n = 0;
			for (uint8_t i = 0; i < MS_REGS; i++) {
				const uint8_t op[] = {
					MS_WR(dev, 1, MC_F_REG, range, (uint8_t)(from + i),
					      vals[i % 4] == 0xff ? 0xf0 : vals[i % 4]),
					MS_WR(dev, (i & 7) + 1, MC_F_END, range,
					      (uint8_t)(from + i), 0xf0)};

				for (size_t k = 0; k < sizeof(op); k++)
					b[n++] = op[k];
			}
			snprintf(name, sizeof(name), "write-%u-%u-%u", dev, range, from);
			if (ms_seed(name, n, b))
				return 1;
		}
	}
	return 0;
}

/* A driver at work on virtio device (v). */
__attribute__((unused)) static int ms_driver(uint8_t v)
{
	char name[3][64];

	snprintf(name[0], sizeof(name[0]), "driver-%u", v);
	snprintf(name[1], sizeof(name[1]), "queues-%u", v);
	snprintf(name[2], sizeof(name[2]), "wrong-%u", v);
	return MS(name[0], MC_DRIVE, v, 0, MS_PAIR(v, 0), MC_STATUS_ACK, v,
		  MS_PAIR(v, MC_C_INDIRECT), MC_CLOCK, 16, MC_STATUS_ACK, v, MC_CHAIN, v, 1, 0x20,
		  16, 200, 24, 0xc4, MC_CHAIN, v, 2, 2, 32, 16, 33, 64, MC_CLOCK, 20, MC_SAVE, 0,
		  MS_PAIR(v, 0)) ||
	       MS(name[1], MC_DRIVE, v, MC_D_EVENT_IDX | 3, MC_BYTES, 0, 15, 1, 0, 0, 0, 0, 0, 0, 0,
		  0, 0, 0, 0, 0, 0, 0, 0, MS_PAIR(v, 0), MS_PAIR(v, 0), MS_PAIR(v, 1),
		  MS_PAIR(v, 2), MS_PAIR(v, 3), MC_KICK, v, 0, MC_HOOK, 1, 3, 0xff, MS_PAIR(v, 0),
		  MC_DRIVE, v, 0, MS_PAIR(v, 0)) ||
	       MS(name[2], MC_DRIVE, v, MC_D_BAD_FEATURE, MS_PAIR(v, 0), MC_DRIVE, v,
		  MC_D_NO_DRIVER_OK, MS_PAIR(v, 0), MC_DRIVE, v, MC_D_FEW, MC_CHAIN, v, MC_C_LOOP,
		  0x11, 0, 16, 8, 64, MC_CHAIN, v, 0, 0x11, MC_P_BAD + 1, 64, MC_P_BAD + 3, 16,
		  MC_CHAIN, v, 0, 0x21, 0, MC_N_HUGE, MC_P_END + 1, 8, MC_P_END + 1, 9, MC_POKE,
		  0x02, 0x01, 0xff, 0xff, MC_KICK, v, 0);
}

/* What is not about one device: interrupts, time, resets. */
__attribute__((unused)) static int ms_common(void)
{
	return MS("time", MC_CLOCK, 10, MC_CLOCK, 23, MC_LINE, 0x81, MC_ACK, MC_LINE, 1, MC_CLOCK,
		  1) ||
	       MS("save", MC_SAVE, MC_ALL, MC_RESET, 0, MC_RESET, 1, MC_EVENT, 0, MC_EVENT, 1) ||
	       MS("all-sizes", MS_RD(0, 1, MC_F_BYTE, 0, 0), MS_RD(0, 2, MC_F_BYTE, 0, 0),
		  MS_RD(0, 3, MC_F_BYTE, 0, 0), MS_RD(0, 4, MC_F_BYTE, 0, 1),
		  MS_RD(0, 5, MC_F_BYTE, 0, 0), MS_RD(0, 6, MC_F_BYTE, 0, 2),
		  MS_RD(0, 7, MC_F_BYTE, 0, 0), MS_RD(0, 8, MC_F_BYTE, 0, 0), MC_READ, 0,
		  MC_A(8, MC_F_WORD, 0), 0xf8, 1);
}

#endif
