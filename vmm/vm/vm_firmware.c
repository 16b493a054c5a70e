/* SPDX-License-Identifier: MIT */
/*
 * vm: what a PC's firmware leaves behind, since there is none: chips set up, and for a kernel that a boot
 * loader starts (multiboot), which may go back to real mode, an interrupt vector table, handlers that
 * only end their interrupts, and the timer's tick, 18.2 times a second.
 */
#include "vm_priv.h"

/* SDM 3A, figure 10-5: enabled, the boot processor's, where it always is. */
#define APIC_BASE 0xfee00900u

/* Handlers, in segment 0xf000: the address of the IRET has been the same since the IBM PC. */
#define BIOS_SEG     0xf000u
#define BIOS_IRET    0xff53u
#define BIOS_MASTER  0xff00u
#define BIOS_SLAVE   0xff10u
#define VECTORS	     256u
#define MASTER_FIRST 0x08u
#define SLAVE_FIRST  0x70u

/* The BIOS's data: where RAM below 1 MiB ends, as a segment and in KiB: load says so to the kernel too. */
#define BDA_EBDA    0x40eu
#define BDA_LOW_KIB 0x413u
#define LOW_RAM_END 0x9fc00u

#define MASK_ALL      0xffu
#define MASK_BUT_TICK 0xfeu
#define PIT_TICK      0x36u /* counter 0, both bytes, mode 3; a count of 0 is 65,536 */

/* An 8259's two ports: the IBM PC's vectors. */
static void set_up_8259(struct dev *pic, uint8_t mask)
{
	const uint8_t words[2][5] = {
		{0x11, MASTER_FIRST, 0x04, 0x01, mask},
		{0x11, SLAVE_FIRST, 0x02, 0x01, MASK_ALL},
	};

	for (unsigned chip = 0; chip < 2; chip++)
		for (unsigned i = 0; i < 5; i++)
			dev_write(pic, chip, i > 0, 1, words[chip][i]);
}

static void put(struct vm *vm, uint64_t gpa, const void *p, size_t len)
{
	int r = gmem_place(vm->mem, gpa, p, len);

	(void)r; /* a machine has at least 1 MiB */
}

static void put_vectors(struct vm *vm)
{
	static const uint8_t iret[] = {0xcf};
	/* push ax; mov al, 0x20; out 0x20, al; pop ax; iret; the other one to 0xa0 first */
	static const uint8_t master[] = {0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf};
	static const uint8_t slave[] = {0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf};
	uint8_t table[VECTORS * 4], word[2];

	for (unsigned v = 0; v < VECTORS; v++) {
		uint32_t off = BIOS_IRET;

		if (v >= MASTER_FIRST && v < MASTER_FIRST + 8)
			off = BIOS_MASTER;
		else if (v >= SLAVE_FIRST && v < SLAVE_FIRST + 8)
			off = BIOS_SLAVE;
		st_le32(table + (size_t)v * 4, BIOS_SEG << 16 | off);
	}
	put(vm, 0, table, sizeof(table));
	st_le16(word, LOW_RAM_END >> 4);
	put(vm, BDA_EBDA, word, sizeof(word));
	st_le16(word, LOW_RAM_END >> 10);
	put(vm, BDA_LOW_KIB, word, sizeof(word));
	put(vm, (BIOS_SEG << 4) + BIOS_IRET, iret, sizeof(iret));
	put(vm, (BIOS_SEG << 4) + BIOS_MASTER, master, sizeof(master));
	put(vm, (BIOS_SEG << 4) + BIOS_SLAVE, slave, sizeof(slave));
}

int vm_firmware_tables(struct vm *vm, const struct vm_spec *spec, uint64_t *rsdp, struct err *err)
{
	int r = vm_acpi(vm, rsdp, err);

	return r ? r : vm_mptable(vm, spec, err);
}

void vm_firmware(struct vm *vm, struct cpu_state *s)
{
	struct dev *pit = vm_device(vm, "pit0");
	bool bios = vm->loaded.kind == LOAD_MULTIBOOT || vm->loaded.kind == LOAD_MULTIBOOT2;

	if (vm->lapic)
		s->apic_base = APIC_BASE;
	if (vm->pic)
		set_up_8259(vm->pic, bios ? MASK_BUT_TICK : MASK_ALL);
	if (vm->ioapic) {
		dev_write(vm->ioapic, 0, 0, 4, 0); /* the ID that the tables give it */
		dev_write(vm->ioapic, 0, 0x10, 4, VM_IOAPIC_ID << 24);
	}
	if (!bios)
		return;
	put_vectors(vm);
	if (pit) {
		dev_write(pit, 0, 3, 1, PIT_TICK);
		dev_write(pit, 0, 0, 1, 0);
		dev_write(pit, 0, 0, 1, 0);
	}
}
