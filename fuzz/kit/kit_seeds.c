/* SPDX-License-Identifier: MIT */
/* kit_seeds: seeds of kit_regs and kit_machine that fit any device. */
#include <machine_seed.h>

#define OTHERS 8u /* of kit_machine.c */

int main(int argc, char **argv)
{
	if (ms_begin(argc, argv) || ms_common())
		return 1;
	for (uint8_t d = 0; d <= OTHERS; d++)
		if (ms_registers(d, 2))
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
