/* SPDX-License-Identifier: MIT */
/*
 * vm: the PC's MP table, Intel MultiProcessor Specification 1.4 (242016): for guests that know no ACPI.
 * One CPU, an ISA bus, the PCI bus if there is one, the I/O APIC with the ISA interrupts on its pins, and the 8259 on pin 0 and LINT0.
 */
#include <errno.h>

#include "vm_priv.h"

#define POINTER_AT 0xf0040u /* the RSDP is before it */
#define TABLE_AT   0xf0050u

/* 4.2, 4.3: table entries */
enum entry { E_CPU, E_BUS, E_IOAPIC, E_INT, E_LOCAL_INT };
enum int_type { INT_VECTORED, INT_NMI, INT_SMI, INT_EXTINT };

#define PCI_BUS	       0
#define CPU_ENABLED    1u
#define CPU_BOOT       2u
#define FLAGS_AS_BUS   0x0000u /* polarity and trigger mode as the bus has them */
#define FLAGS_LEVEL_HI 0x000du
#define ALL_APICS      0xffu
#define SPEC_1_4       4
#define HEAD_LEN       44u
#define TABLE_MAX      512u
#define LAPIC_VERSION  0x14u
#define IOAPIC_VERSION 0x20u

static uint8_t sum_of(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return sum;
}

static uint8_t *put_int(uint8_t *p, enum entry entry, enum int_type type, unsigned flags,
			unsigned bus, unsigned irq, unsigned apic, unsigned pin)
{
	p[0] = (uint8_t)entry;
	p[1] = (uint8_t)type;
	st_le16(p + 2, (uint16_t)flags);
	p[4] = (uint8_t)bus;
	p[5] = (uint8_t)irq;
	p[6] = (uint8_t)apic;
	p[7] = (uint8_t)pin;
	return p + 8;
}

static uint8_t *put_cpu(uint8_t *p, const struct vm_spec *spec, const struct vm *vm)
{
	struct x86_cpuid c = {0};
	size_t n = 0;
	const struct x86_cpuid *t = x86_cpuid_template(vm_choose_model(vm, spec), &n);

	x86_cpuid_lookup(t, n, 1, 0, &c);
	p[0] = E_CPU;
	p[2] = LAPIC_VERSION;
	p[3] = CPU_ENABLED | CPU_BOOT;
	st_le32(p + 4, c.eax);
	st_le32(p + 8, c.edx);
	return p + 20;
}

static uint8_t *put_bus(uint8_t *p, unsigned bus, const char *name)
{
	p[0] = E_BUS;
	p[1] = (uint8_t)bus;
	memcpy(p + 2, name, 6);
	return p + 8;
}

/* D.3: a PCI interrupt is device << 2 | pin; the bus has the number that PCI gives it. */
static uint8_t *put_pci(uint8_t *p, const struct dev *host, unsigned *entries)
{
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		const struct pci_func *f = pci_func_at(host, slot);
		unsigned pin = f ? f->initial[PCI_PIN] : 0;

		if (!pin)
			continue;
		p = put_int(p, E_INT, INT_VECTORED, FLAGS_LEVEL_HI, PCI_BUS, slot << 2 | (pin - 1),
			    VM_IOAPIC_ID, pci_line_of(host, slot, pin));
		++*entries;
	}
	return p;
}

int vm_mptable(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	static const char ids[20] = "VISE    PC          "; /* no NUL: fields of 8 and 12 bytes */
	uint8_t table[TABLE_MAX] = "PCMP", pointer[16] = "_MP_", *p = table + HEAD_LEN;
	const unsigned isa = vm->pci ? 1 : 0;
	unsigned entries = 5; /* beside the ISA interrupts, and PCI's */
	size_t len;

	p = put_cpu(p, spec, vm);
	if (vm->pci) {
		p = put_bus(p, PCI_BUS, "PCI   ");
		entries++;
	}
	p = put_bus(p, isa, "ISA   ");
	p[0] = E_IOAPIC;
	p[1] = VM_IOAPIC_ID;
	p[2] = IOAPIC_VERSION;
	p[3] = 1; /* enabled */
	st_le32(p + 4, VM_IOAPIC);
	p += 8;
	for (unsigned irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		/* The pin that 2 would have is the timer's; 9 is ACPI's. */
		p = put_int(p, E_INT, INT_VECTORED, irq == 9 ? FLAGS_LEVEL_HI : FLAGS_AS_BUS, isa,
			    irq, VM_IOAPIC_ID, irq ? irq : 2);
		entries++;
	}
	if (vm->pci)
		p = put_pci(p, vm->pci, &entries);
	p = put_int(p, E_LOCAL_INT, INT_EXTINT, FLAGS_AS_BUS, isa, 0, ALL_APICS, 0);
	p = put_int(p, E_LOCAL_INT, INT_NMI, FLAGS_AS_BUS, isa, 0, ALL_APICS, 1);
	len = (size_t)(p - table);

	st_le16(table + 4, (uint16_t)len);
	table[6] = SPEC_1_4;
	memcpy(table + 8, ids, sizeof(ids));
	st_le16(table + 34, (uint16_t)entries);
	st_le32(table + 36, VM_LAPIC);
	table[7] = (uint8_t)-sum_of(table, len);

	st_le32(pointer + 4, TABLE_AT);
	pointer[8] = 1; /* 16-byte units */
	pointer[9] = SPEC_1_4;
	pointer[10] = (uint8_t)-sum_of(pointer, sizeof(pointer));
	if (gmem_place(vm->mem, POINTER_AT, pointer, sizeof(pointer)) ||
	    gmem_place(vm->mem, TABLE_AT, table, len))
		return err_set(err, -EINVAL, "the MP table does not go into memory at 0x%x",
			       POINTER_AT);
	return 0;
}
