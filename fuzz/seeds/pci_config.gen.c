/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/pci_config.c. */
#include <dev_queue_seed.h>
#include <pci_prog.h>

#define R(slot, reg, size)	 PP_ECAM, (slot), (reg), (size)-1
#define WR(slot, reg, size, ...) PP_ECAM, (slot), (reg), (((size)-1) | PP_WRITE), __VA_ARGS__
#define WORD(a, b, c, d)	 PP_V_RAW, (a), (b), (c), (d)
/* Slots of PLACE and COMMAND are counted from 1. */
#define PLACE(slot, bar, place) PP_PLACE, (slot)-1, (bar), (place)
#define COMMAND(slot, bits)	PP_COMMAND, (slot)-1, (bits), 0
#define ON			7

/* The virtio function's registers by BAR: offset, size, bytes. */
#define V(lo, hi, size, ...) PP_BAR, 1, 4, (lo), (hi), (((size)-1) | PP_WRITE), __VA_ARGS__
#define V_UP                                                                                       \
	V(0x14, 0, 1, 3), V(8, 0, 4, 1), V(0xc, 0, 4, 1), V(0x14, 0, 1, 11), V(0x18, 0, 2, 8),     \
		V(0x20, 0, 4, WORD(0, 0x10, 0, 0)), V(0x28, 0, 4, WORD(0, 0x20, 0, 0)),            \
		V(0x30, 0, 4, WORD(0, 0x30, 0, 0)), V(0x1c, 0, 2, 1), V(0x14, 0, 1, 15)

static const struct dq_seed seeds[] = {
	DQ_SEED("ecam", R(1, 0, 4), R(1, 1, 8), R(0, 0, 4), R(2, 0x40, 4), R(5, 0, 2),
		R(3, 0xfe, 4), PP_ECAM, 1, 0, 3 | PP_FUNCTION, PP_ECAM, 1, 0, 3 | PP_EXTENDED,
		WR(1, 4, 2, PP_V_RAW, 0xff, 0xff), WR(1, 0x10, 8, 0xf0), WR(1, 0x3c, 1, 9)),
	DQ_SEED("ports", PP_ADDRESS, 1, 0, 0, 0x80, PP_PORT, 4, 2, PP_PORT, 5, 1, PP_PORT, 6, 0,
		PP_ADDRESS, 1, 0x3c, 0, 0x80, PP_PORT, 4, PP_WRITE, 7, PP_PORT, 0, 2, PP_PORT, 1, 0,
		PP_ADDRESS, 1, 0x3c, 1, 0x80, PP_PORT, 4, 2, PP_PORT, 0, 2 | PP_WRITE, 3),
	DQ_SEED("bars", PLACE(1, 0, 4), PLACE(1, 1, 0), PLACE(1, 2, 1), PLACE(1, 4, 7),
		COMMAND(1, 3), PP_BUS, 0, 1, 8, 0, 3, PP_BUS, 0, 4, 0, 1, 7, PP_BUS, 0, 0, 4, 0, 1,
		PP_BUS, 0, 1, 8, 0, 3 | PP_WRITE, 5, PLACE(1, 1, 2), PLACE(1, 4, 10), PP_SAVE),
	DQ_SEED("collide", PLACE(1, 1, 0), PLACE(3, 1, 0), COMMAND(1, 2), COMMAND(3, 2),
		PLACE(1, 1, 6), PLACE(3, 1, 11), PLACE(1, 1, 0), PP_SAVE, COMMAND(3, 0),
		PLACE(1, 0, 8), COMMAND(1, 3)),
	DQ_SEED("msix", PP_VECTOR, 0, 3, 0, PP_MSIX, 0, 0x80, COMMAND(1, 4), PP_ACT, 0, 3, PP_ACT,
		0, 4, PP_VECTOR, 0, 4, 0, PP_MSIX, 0, 0xc0, PP_ACT, 0, 3, PP_MSIX, 0, 0x80, PP_BAR,
		0, 2, 0, 8, 7, PP_BAR, 0, 2, 12, 0, 3 | PP_WRITE, 1, COMMAND(1, 0), PP_ACT, 0, 3,
		PP_SAVE, COMMAND(1, 4), PP_MSIX, 0, 0),
	DQ_SEED("lines", PP_ACT, 0, 0xc0, PP_ACT, 2, 0xc0, PP_ACT, 0, 0x80, PP_COMMAND, 2, 0, 4,
		PP_SAVE, PP_RESET, 0, PP_ACT, 0, 0xc0, PP_RESET, 1, PP_RESET, 3),
	DQ_SEED("window", PP_WINDOW, 0x12, 0, 2, 0, PP_WINDOW, 0x14, 0, 1, PP_WRITE, 3, PP_WINDOW,
		0x14, 0, 1, 0, PP_WINDOW, 0, 0x30, 2, PP_WRITE, 0, PP_WINDOW, 1, 0, 4, 0),
	DQ_SEED("virtio", COMMAND(2, ON), V_UP, PP_OFFER, PP_OFFER, V(0, 0x30, 2, 0), PP_CLOCK, 20,
		V(0x18, 0, 2, 4), PP_BAR, 1, 4, 0, 0x10, 0, PP_SAVE, COMMAND(2, 0),
		V(0, 0x30, 2, 0)),
	DQ_SEED("virtio-msix", COMMAND(2, ON), PP_VECTOR, 1, 0, 0, PP_VECTOR, 1, 1, 1, PP_MSIX, 1,
		0x80, V_UP, V(0x1a, 0, 2, 1), V(0x10, 0, 2, 0), PP_OFFER, V(0, 0x30, 2, 0),
		PP_CLOCK, 20, PP_SAVE, PP_RESET, 2),
};

int main(int argc, char **argv)
{
	return dq_seed_main(argc, argv, seeds, ARRAY_SIZE(seeds));
}
