/* SPDX-License-Identifier: MIT */
/*
 * pci_prog: how the bytes of an input of fuzz/targets/pci_config.c read; its seeds are written by the same
 * names. Any bytes decode; what is missing at the end reads as zero. An input is operations: a byte (modulo
 * PP_OPS), then its arguments.
 */
#ifndef FUZZ_ENGINE_PCI_PROG_H
#define FUZZ_ENGINE_PCI_PROG_H

enum pci_op {
	PP_ECAM,    /* slot, register, how, to write: value */
	PP_ADDRESS, /* slot, register, bits 16 to 31 of CONFIG_ADDRESS, two bytes */
	PP_PORT,    /* offset in the ports, how, to write: value */
	PP_BAR,	    /* slot, BAR, offset: two bytes, how, to write: value */
	PP_BUS,	    /* the same by the bus, where the BAR is */
	PP_PLACE,   /* slot, BAR, place: the BAR is written */
	PP_COMMAND, /* slot, COMMAND's low byte, its high one */
	PP_ACT,	    /* slot, bit 7: INTx is bit 6; else a message of vector (b & 31) */
	PP_VECTOR,  /* slot, vector, mask: its entry is written, with a message of its own */
	PP_MSIX,    /* slot, the high byte of message control */
	PP_WINDOW, /* offset: two bytes, length, how, to write: value: configuration access of the virtio device */
	PP_CLOCK, /* 1 << (b & 31) ns */
	PP_RESET, /* slot */
	PP_SAVE,  /* all of it through its saved form */
	PP_OFFER, /* a chain of one writable buffer is offered, by rings at PP_DESC, PP_AVAIL */
	PP_OPS
};

/* Slots: 0 the bridge, 1 and 3 plain functions, 2 a virtio-rng, 4 to 7: nothing. */
#define PP_SLOTS 8u
/* How: size - 1 in the low three bits, and: */
#define PP_WRITE    0x08u
#define PP_EXTENDED 0x10u /* ECAM: 256 is added to the register */
#define PP_FUNCTION 0x20u /* ECAM: function 1 */
/* Values: below 0xe0 as they are, then 1 << 2 * n, from 0xf0 all ones less (b & 15), 0xff: raw bytes. */
#define PP_V_BIT(n) (0xe0u + (n) / 2)
#define PP_V_RAW    0xffu

#define PP_DESC	 0x1000u
#define PP_AVAIL 0x2000u
#define PP_USED	 0x3000u
#define PP_NUM	 8u

/* Places of BARs. */
#define PP_PLACES                                                                                  \
	0xf0000000ull, 0xf0010000ull, 0xf0020000ull, 0xf0030000ull, 0xc000ull, 0xc100ull,          \
		0xe0008000ull, 0x10000000000ull, 0xcf8ull, 0x10000ull, 0xfffffffffffff000ull,      \
		0xf0001000ull, 0xffull, 0x0ull, 0xfffff000ull, 0x20000000000ull

#endif
