/* SPDX-License-Identifier: MIT */
/* kit_seeds: seeds of kit_regs and kit_machine that fit any device. */
#include <stdbool.h>

#include <machine_seed.h>

#define OTHERS 8u /* of kit_machine.c */

/* The configuration of a virtio device, or whatever a device has from 256 on: every width, its end too. */
static int config(bool write)
{
	uint8_t b[MS_MAX];
	size_t n = 0;

	for (uint8_t i = 0; i < 36; i++) {
		const uint8_t op[] = {write ? MC_WRITE : MC_READ,
				      0,
				      MC_A(1 + (i * 3) % 8, MC_F_WORD, 0),
				      i,
				      1,
				      0xf0};

		for (size_t k = 0; k < sizeof(op) - !write; k++)
			b[n++] = op[k];
	}
	return ms_seed(write ? "config-written" : "config-read", n, b);
}

/* Requests that begin with a small number, then fields of which one is all ones: limits are found there. */
static int limits(uint8_t op)
{
	uint8_t b[MS_MAX];
	char name[32];
	size_t n = 0;
	const uint8_t drive[] = {MC_DRIVE, 0, 0};

	for (size_t k = 0; k < sizeof(drive); k++)
		b[n++] = drive[k];
	for (unsigned field = 0; field < 5; field++) {
		uint8_t request[] = {MC_BYTES, 0, 15, op, 0, 1, 0, 16, 0, 0,
				     0,	       1, 0,  0,  0, 8, 0, 0,  0, MS_PAIR(0, 0)};

		for (unsigned k = 0; k < 4 && field && field < 4; k++)
			request[3 + 4 * field + k] = 0xff;
		/* The last: room that ends behind the last address. */
		if (field == 4)
			request[sizeof(request) - 2] = MC_P_BAD + 1;
		for (size_t k = 0; k < sizeof(request); k++)
			b[n++] = request[k];
	}
	snprintf(name, sizeof(name), "limits-%u", op);
	return ms_seed(name, n, b);
}

int main(int argc, char **argv)
{
	if (ms_begin(argc, argv) || ms_common() || config(false) || config(true))
		return 1;
	for (uint8_t d = 0; d <= OTHERS; d++)
		if (ms_registers(d, 2))
			return 1;
	for (uint8_t op = 0; op < 8; op++)
		if (limits(op))
			return 1;
	for (uint8_t v = 0; v < 3; v++)
		if (ms_driver(v))
			return 1;
	return MS("payload", MC_DRIVE, 0, 0, MC_BYTES, 0, 15, 1, 0, 0, 0, 16, 0, 0, 0, 1, 2, 3, 4,
		  5, 6, 7, 8, MS_PAIR(0, 0), MC_BYTES, 0, 15, 2, 0, 0, 0, 0xff, 0, 0, 0, 1, 2, 3, 4,
		  5, 6, 7, 8, MS_PAIR(0, 0), MC_HOOK, 1, 4, 0xff, MS_PAIR(0, 0), MC_HOOK, 2, 0,
		  0x3f, MS_PAIR(0, 0)) ||
	       MS("pairs", MC_DRIVE, 0, 1, MC_CHAIN, 0, MC_C_NO_KICK, 0x11, 0, 16, 8, 64, MC_CHAIN,
		  0, 0, 0x11, 16, 16, 24, 64, MC_STATUS_ACK, 0, MC_CHAIN, 0, 0, 0x12, 0, 8, 1, 32,
		  8, 4) ||
	       MS("events", MC_DRIVE, 0, 0, MC_EVENT, 0, MC_EVENT, 0x55, MS_PAIR(0, 0), MC_EVENT,
		  0xff, MC_CLOCK, 20, MC_SAVE, 0, MC_RESET, 0, MC_DRIVE, 0, 0, MS_PAIR(0, 0));
}
