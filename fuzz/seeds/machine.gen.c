/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/machine.c. */
#include <machine_seed.h>

#define DEVICES 20u /* that have ranges */
#define VIRTIO	8u
enum { V_BLK, V_NET, V_CONSOLE, V_RNG, V_VSOCK, V_BALLOON, V_BLK_PCI, V_RNG_PCI };
enum { UART, PIC, IOAPIC, LAPIC, PIT };

static int virtio(void)
{
	for (uint8_t v = 0; v < VIRTIO; v++)
		if (ms_driver(v))
			return 1;
	return 0;
}

static int registers(void)
{
	for (uint8_t d = 0; d < DEVICES; d++)
		if (ms_registers(d, d == PIC || d == LAPIC ? 3 : 2))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	return ms_begin(argc, argv) || registers() || virtio() || ms_common() ||
	       /* a request of a block device: header, data, status */
	       MS("blk", MC_DRIVE, V_BLK, 0, MC_BYTES, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
		  0, 0, 0, MC_CHAIN, V_BLK, 0, 0x21, 0, 16, 8, 0xc8, 40, 1, MC_CLOCK, 14, MC_BYTES,
		  0, 15, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, MC_CHAIN, V_BLK, 1, 0x12,
		  0, 16, 8, 0xc8, 40, 1, MC_CLOCK, 14, MC_STATUS_ACK, V_BLK) ||
	       MS("blk-pci", MC_OTHER, 0, MC_DRIVE, V_BLK_PCI, 0, MC_CHAIN, V_BLK_PCI, 0, 0x21, 0,
		  16, 8, 0xc8, 40, 1, MC_SAVE, 0, MC_CHAIN, V_BLK_PCI, 0, 0x21, 0, 16, 8, 0xc8, 40,
		  1) ||
	       /* a frame goes out, comes back and is received; another comes from outside */
	       MS("net", MC_DRIVE, V_NET, 0, MC_CHAIN, V_NET, 0, 0x10, 16, 0xd0, MC_CHAIN, V_NET, 0,
		  0x10, 64, 0xd0, MC_CHAIN, V_NET, 1, 1, 0, 100, MC_EVENT, 0x40, MC_STATUS_ACK,
		  V_NET) ||
	       MS("console", MC_DRIVE, V_CONSOLE, 0, MC_CHAIN, V_CONSOLE, 0, 0x10, 0, 16, MC_CHAIN,
		  V_CONSOLE, 1, 1, 8, 20, MC_EVENT, 5, MC_EVENT, 3, MC_CHAIN, V_CONSOLE, 2, 0x10,
		  16, 32) ||
	       MS("balloon", MC_DRIVE, V_BALLOON, 0, MC_EVENT, 0x22, MC_BYTES, 0, 7, 3, 0, 0, 0, 2,
		  0, 0, 0, MC_CHAIN, V_BALLOON, 0, 1, 0, 8, MC_CHAIN, V_BALLOON, 1, 1, 0, 4) ||
	       /* ICW1 to ICW4, then a line, and the CPU takes it */
	       MS("pic", MS_WR(PIC, 1, MC_F_BYTE, 0, 0, 0x11), MS_WR(PIC, 1, MC_F_BYTE, 0, 1, 0x20),
		  MS_WR(PIC, 1, MC_F_BYTE, 0, 1, 4), MS_WR(PIC, 1, MC_F_BYTE, 0, 1, 1),
		  MS_WR(PIC, 1, MC_F_BYTE, 0, 1, 0), MC_LINE, 0x84, MC_ACK,
		  MS_WR(PIC, 1, MC_F_BYTE, 0, 0, 0x20), MC_LINE, 4, MC_ACK) ||
	       /* SVR; a pin's entry: vector 0x31, edge; then the line */
	       MS("ioapic", MC_WRITE, LAPIC, MC_A(4, MC_F_BYTE, 0), 0xf0, MC_V_RAW, 0xff, 1, 0, 0,
		  MS_WR(IOAPIC, 4, MC_F_BYTE, 0, 0, 0x18),
		  MS_WR(IOAPIC, 4, MC_F_BYTE, 0, 0x10, 0x31), MC_LINE, 0x84, MC_ACK,
		  MS_WR(LAPIC, 4, MC_F_BYTE, 0, 0xb0, 0)) ||
	       MS("pit", MS_WR(PIT, 1, MC_F_BYTE, 0, 3, 0x34), MS_WR(PIT, 1, MC_F_BYTE, 0, 0, 0x80),
		  MS_WR(PIT, 1, MC_F_BYTE, 0, 0, 0x10), MC_CLOCK, 22, MC_ACK, MC_SAVE, 0, MC_CLOCK,
		  23) ||
	       MS("pci", MC_OTHER, 0, MC_OTHER, 0x21, 0, 3, MC_OTHER, 0x22, 0x10, 0x0b, 0xf0,
		  MC_OTHER, 0x21, 4, 0x42, MC_OTHER, 0x91, 0x14, 0, MC_OTHER, 0x92, 0, 0x0b, 0xf0,
		  MC_RESET, 21) ||
	       MS("serial", MC_EVENT, 1, MS_RD(UART, 1, MC_F_BYTE, 0, 5),
		  MS_RD(UART, 1, MC_F_BYTE, 0, 0), MS_WR(UART, 1, MC_F_BYTE, 0, 0, 0x41));
}
