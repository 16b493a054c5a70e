/* SPDX-License-Identifier: MIT */
/*
 * vm: the PC's ACPI tables (ACPI 6.5, chapter 5): RSDP, RSDT and XSDT, FADT with FACS, MADT, MCFG where there
 * is PCI, and a DSDT that has the serial port, every virtio-mmio device, the PCI root and how to switch off.
 * What they say comes from the devices that are there.
 *
 * They lie from 0xe0000 on, where the memory map has no RAM; the RSDP is at 0xf0000, where guests look.
 */
#include <errno.h>
#include <stdio.h>

#include "vm_aml.h"
#include "vm_priv.h"

#define TABLES	   0xe0000u
#define TABLES_END 0xf0000u
#define RSDP_AT	   0xf0000u
#define FACS_LEN   64u
#define ALIGN	   64u

/* 5.2.6: the header of a table */
enum { H_LENGTH = 4, H_REVISION = 8, H_CHECKSUM = 9, H_OEM = 10, H_LEN = 36 };

#define SCI_LINE 9u
#define RTC_PORT 0x70u
#define RTC_LINE 8u

/* 5.2.9: offsets in the FADT, 6.x */
enum fadt {
	F_FACS = 36,
	F_DSDT = 40,
	F_SCI = 46,
	F_PM1A_EVT = 56,
	F_PM1A_CNT = 64,
	F_PM_TMR = 76,
	F_PM1_EVT_LEN = 88,
	F_PM1_CNT_LEN = 89,
	F_PM_TMR_LEN = 91,
	F_LVL2_LAT = 96,
	F_LVL3_LAT = 98,
	F_CENTURY = 108,
	F_BOOT_ARCH = 109,
	F_FLAGS = 112,
	F_RESET_REG = 116,
	F_RESET_VALUE = 128,
	F_MINOR = 131,
	F_X_FACS = 132,
	F_X_DSDT = 140,
	F_X_PM1A_EVT = 148,
	F_X_PM1A_CNT = 172,
	F_X_PM_TMR = 208,
	F_LEN = 276,
};
#define FADT_REVISION  6
#define FADT_NO_C2     101u /* latencies over 100 and 1000: there is no such state */
#define FADT_NO_C3     1001u
#define FADT_CENTURY   0x32
#define FLAG_WBINVD    (1u << 0)
#define FLAG_C1	       (1u << 2)
#define FLAG_NO_POWER  (1u << 4) /* no fixed power button, no fixed sleep button */
#define FLAG_NO_SLEEP  (1u << 5)
#define FLAG_TIMER_32  (1u << 8)
#define FLAG_RESET_REG (1u << 10)
#define ARCH_LEGACY    (1u << 0) /* there are devices on ISA; no flag for the i8042: see below */
#define ARCH_NO_VGA    (1u << 2)
#define RESET_VALUE    0x06u

/* 5.2.12: the MADT's entries */
enum madt { M_LAPIC = 0, M_IOAPIC = 1, M_OVERRIDE = 2, M_LAPIC_NMI = 4 };
#define MADT_PCAT	1u /* an 8259 pair is there too */
#define INTI_LEVEL_HIGH 0x0du

struct tables {
	struct vm *vm;
	uint64_t next;
	uint64_t fadt, madt, dsdt, facs, mcfg; /* 0: there is none */
	int error;
};

static void put(struct tables *t, uint64_t gpa, const void *p, size_t len)
{
	if (!t->error)
		t->error = gmem_place(t->vm->mem, gpa, p, len);
}

/* Fill in the header's length and sums, and place the table; where it is. */
static uint64_t place(struct tables *t, uint8_t *p, size_t len, const char *sign, unsigned revision)
{
	uint64_t at = t->next;
	uint8_t sum = 0;

	memcpy(p, sign, 4);
	st_le32(p + H_LENGTH, (uint32_t)len);
	p[H_REVISION] = (uint8_t)revision;
	p[H_CHECKSUM] = 0;
	memcpy(p + H_OEM, "VISE  VISE-PC \1\0\0\0VISE\1\0\0\0", H_LEN - H_OEM);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	p[H_CHECKSUM] = (uint8_t)-sum;
	t->next = align_up(at + len, ALIGN);
	if (t->next > TABLES_END)
		t->error = -E2BIG;
	put(t, at, p, len);
	return at;
}

/* ---- DSDT ---------------------------------------------------------------------------------------- */

static void put_s5(struct buf *b)
{
	struct aml_mark m;

	aml_name(b, "\\_S5_");
	m = aml_package(b, 4);
	aml_int(b, VM_SLEEP_S5); /* SLP_TYPa, SLP_TYPb, two reserved */
	for (unsigned i = 0; i < 3; i++)
		aml_int(b, 0);
	aml_close(b, m);
}

static void put_isa(struct buf *b, const char *name, const char *hid, const struct aml_resources *r)
{
	struct aml_mark m = aml_device(b, name);

	aml_name(b, "_HID");
	aml_eisa_id(b, hid);
	aml_name(b, "_UID");
	aml_int(b, 0);
	aml_crs(b, r);
	aml_close(b, m);
}

/* Linux's drivers/virtio/virtio_mmio.c knows it by this. */
static void put_virtio(struct buf *b, const struct dev *d, unsigned n)
{
	struct aml_resources r = {.mem = (uint32_t)d->range[0].base,
				  .mem_len = (uint32_t)d->cls->ranges[0].len,
				  .level_line = (uint32_t)d->irq_line,
				  .isa_line = AML_NO_LINE};
	struct aml_mark m;
	char name[8];

	(void)snprintf(name, sizeof(name), "VR%02X", n & 0xff);
	m = aml_device(b, name);
	aml_name(b, "_HID");
	aml_string(b, "LNRO0005");
	aml_name(b, "_UID");
	aml_int(b, n);
	aml_name(b, "_CCA");
	aml_int(b, 1);
	aml_crs(b, &r);
	aml_close(b, m);
}

static bool is_virtio(const struct dev *d)
{
	return !strncmp(d->cls->name, "virtio-", 7) && d->nr_ranges &&
	       d->cls->ranges[0].space == BUS_MMIO && d->irq_line != DEV_NO_IRQ;
}

static const char *const links[PCI_LINES] = {"LNKA", "LNKB", "LNKC", "LNKD"};

/*
 * A PCI interrupt link for each line. Not that there is a choice: a system takes lines that _PRT names
 * without one for active low, and ours are active high.
 */
static void put_links(struct buf *b, const struct dev *host)
{
	for (unsigned i = 0; i < PCI_LINES; i++) {
		const struct aml_resources line = {.level_line = (uint32_t)host->irq_line + i,
						   .shared = true,
						   .isa_line = AML_NO_LINE};
		struct aml_mark m = aml_device(b, links[i]);

		aml_name(b, "_HID");
		aml_eisa_id(b, "PNP0C0F");
		aml_name(b, "_UID");
		aml_int(b, i);
		aml_prs(b, &line);
		aml_crs(b, &line);
		aml_close(b, aml_method(b, "_SRS", 1));
		aml_close(b, aml_method(b, "_DIS", 0));
		aml_close(b, m);
	}
}

/* 6.2.13: which pin of which slot is on which line. */
static void put_prt(struct buf *b, const struct dev *host)
{
	struct aml_mark all, one;
	unsigned slots = 0;

	for (unsigned i = 0; i < PCI_SLOTS; i++)
		slots += pci_func_at(host, i) != NULL;
	aml_name(b, "_PRT");
	all = aml_package(b, slots * PCI_LINES);
	for (unsigned i = 0; i < PCI_SLOTS * PCI_LINES; i++) {
		const unsigned slot = i / PCI_LINES, pin = i % PCI_LINES;

		if (!pci_func_at(host, slot))
			continue;
		one = aml_package(b, 4);
		aml_int(b, slot << 16 | 0xffff); /* all functions of it */
		aml_int(b, pin);
		aml_reference(b, links[pci_line_of(host, slot, pin + 1) - host->irq_line]);
		aml_int(b, 0);
		aml_close(b, one);
	}
	aml_close(b, all);
}

/* The PCI root, and the motherboard's claim to ECAM, without which Linux does not use it. */
static void put_pci(struct buf *b, const struct dev *host)
{
	const struct aml_resources ecam = {.mem = (uint32_t)host->range[1].base,
					   .mem_len = PCI_ECAM_LEN,
					   .isa_line = AML_NO_LINE,
					   .level_line = AML_NO_LINE};
	struct aml_mark m, osc;

	put_links(b, host);
	m = aml_device(b, "PCI0");
	aml_name(b, "_HID");
	aml_eisa_id(b, "PNP0A08");
	aml_name(b, "_CID");
	aml_eisa_id(b, "PNP0A03");
	aml_name(b, "_UID");
	aml_int(b, 0);
	aml_name(b, "_BBN");
	aml_int(b, 0);
	aml_name(b, "_CCA");
	aml_int(b, 1);
	/* 6.2.11: whatever the system asks to control it may. */
	osc = aml_method(b, "_OSC", 4);
	aml_return_arg(b, 3);
	aml_close(b, osc);
	aml_crs_pci(b, (uint16_t)host->range[0].base, VM_PCI_MEMORY, VM_PCI_MEMORY_LEN);
	put_prt(b, host);
	aml_close(b, m);
	put_isa(b, "MRES", "PNP0C02", &ecam);
}

static void put_dsdt(struct tables *t)
{
	const struct aml_resources rtc = {
		.io = RTC_PORT, .io_len = 2, .isa_line = RTC_LINE, .level_line = AML_NO_LINE};
	struct vm *vm = t->vm;
	struct buf b = {0};
	unsigned n = 0;
	uint8_t head[H_LEN] = {0};
	struct aml_mark sb;

	buf_put(&b, head, sizeof(head));
	put_s5(&b);
	sb = aml_scope(&b, "\\_SB_");
	for (unsigned i = 0; i < vm->nr_dev; i++) {
		const struct dev *d = vm->dev[i];

		if (!strcmp(d->name, "uart0")) {
			struct aml_resources com = {.io = (uint16_t)d->range[0].base,
						    .io_len = 8,
						    .isa_line = (uint32_t)d->irq_line,
						    .level_line = AML_NO_LINE};

			put_isa(&b, "COM1", "PNP0501", &com);
		} else if (!strcmp(d->name, "rtc0")) {
			put_isa(&b, "RTC0", "PNP0B00", &rtc);
		} else if (is_virtio(d)) {
			put_virtio(&b, d, n++);
		}
	}
	if (vm->pci)
		put_pci(&b, vm->pci);
	aml_close(&b, sb);
	if (b.failed)
		t->error = -ENOMEM;
	else
		t->dsdt = place(t, (uint8_t *)b.p, b.len, "DSDT", 2);
	buf_free(&b);
}

/* ---- FADT, MADT ---------------------------------------------------------------------------------- */

/* 5.2.3.2: a port as a generic address */
static void put_gas(uint8_t *p, uint32_t port, unsigned bytes, unsigned access)
{
	p[0] = 1; /* system I/O */
	p[1] = (uint8_t)(bytes * 8);
	p[2] = 0;
	p[3] = (uint8_t)access; /* 1 byte, 2 word, 3 dword */
	st_le64(p + 4, port);
}

static void put_block(uint8_t *p, unsigned at, unsigned x_at, unsigned len_at, uint32_t port,
		      unsigned bytes, unsigned access)
{
	st_le32(p + at, port);
	p[len_at] = (uint8_t)bytes;
	put_gas(p + x_at, port, bytes, access);
}

static void put_fadt(struct tables *t)
{
	uint8_t p[F_LEN] = {0}, facs[FACS_LEN] = "FACS";

	facs[4] = FACS_LEN;
	facs[32] = 2; /* version */
	t->facs = t->next;
	t->next += FACS_LEN;
	put(t, t->facs, facs, sizeof(facs));

	st_le32(p + F_FACS, (uint32_t)t->facs);
	st_le32(p + F_DSDT, (uint32_t)t->dsdt);
	st_le64(p + F_X_DSDT, t->dsdt);
	st_le16(p + F_SCI, SCI_LINE);
	put_block(p, F_PM1A_EVT, F_X_PM1A_EVT, F_PM1_EVT_LEN, VM_PM1_EVT, 4, 2);
	put_block(p, F_PM1A_CNT, F_X_PM1A_CNT, F_PM1_CNT_LEN, VM_PM1_CNT, 2, 2);
	put_block(p, F_PM_TMR, F_X_PM_TMR, F_PM_TMR_LEN, VM_PM_TMR, 4, 3);
	st_le16(p + F_LVL2_LAT, FADT_NO_C2);
	st_le16(p + F_LVL3_LAT, FADT_NO_C3);
	p[F_CENTURY] = FADT_CENTURY;
	/* No word of the i8042: a kernel that knows it probes keyboards for long. Its ports are there. */
	st_le16(p + F_BOOT_ARCH, ARCH_LEGACY | ARCH_NO_VGA);
	st_le32(p + F_FLAGS, FLAG_WBINVD | FLAG_C1 | FLAG_NO_POWER | FLAG_NO_SLEEP | FLAG_TIMER_32 |
				     FLAG_RESET_REG);
	put_gas(p + F_RESET_REG, VM_PM_RESET, 1, 1);
	p[F_RESET_VALUE] = RESET_VALUE;
	t->fadt = place(t, p, sizeof(p), "FACP", FADT_REVISION);
}

static void put_override(struct buf *b, unsigned irq, unsigned pin, unsigned flags)
{
	uint8_t e[10] = {M_OVERRIDE, sizeof(e), 0, (uint8_t)irq};

	st_le32(e + 4, pin);
	st_le16(e + 8, (uint16_t)flags);
	buf_put(b, e, sizeof(e));
}

static void put_madt(struct tables *t)
{
	static const uint8_t lapic[8] = {M_LAPIC, sizeof(lapic), 0, 0, 1 /* enabled */};
	static const uint8_t nmi[6] = {M_LAPIC_NMI, sizeof(nmi), 0xff /* all CPUs */,
				       0,	    0,		 1 /* LINT1 */};
	uint8_t head[H_LEN + 8] = {0};
	uint8_t io[12] = {M_IOAPIC, sizeof(io), VM_IOAPIC_ID};
	struct buf b = {0};

	st_le32(head + H_LEN, VM_LAPIC);
	st_le32(head + H_LEN + 4, MADT_PCAT);
	st_le32(io + 4, VM_IOAPIC);
	buf_put(&b, head, sizeof(head));
	buf_put(&b, lapic, sizeof(lapic));
	buf_put(&b, io, sizeof(io));
	put_override(&b, 0, 2, 0);
	put_override(&b, SCI_LINE, SCI_LINE, INTI_LEVEL_HIGH);
	buf_put(&b, nmi, sizeof(nmi));
	if (b.failed)
		t->error = -ENOMEM;
	else
		t->madt = place(t, (uint8_t *)b.p, b.len, "APIC", 5);
	buf_free(&b);
}

/* PCI Firmware 3.0, 4.1.2: where ECAM is. */
static void put_mcfg(struct tables *t)
{
	enum { BASE = H_LEN + 8, LEN = BASE + 16 };
	uint8_t p[LEN] = {0}; /* segment 0, bus 0 */

	st_le64(p + BASE, t->vm->pci->range[1].base);
	t->mcfg = place(t, p, sizeof(p), "MCFG", 1);
}

/* ---- the roots ----------------------------------------------------------------------------------- */

static uint64_t put_root(struct tables *t, unsigned size)
{
	uint64_t to[] = {t->fadt, t->madt, t->mcfg};
	uint8_t p[H_LEN + ARRAY_SIZE(to) * 8] = {0};
	size_t n = 0;

	for (; n < ARRAY_SIZE(to) && to[n]; n++)
		st_le(p + H_LEN + n * size, size, to[n]);
	return place(t, p, H_LEN + n * size, size == 8 ? "XSDT" : "RSDT", 1);
}

/* 5.2.5.3 */
static void put_rsdp(struct tables *t)
{
	uint64_t rsdt = put_root(t, 4), xsdt = put_root(t, 8);
	static const char oem[6] = "VISE  "; /* no NUL: a field of six bytes */
	uint8_t p[36] = "RSD PTR ", sum = 0;

	memcpy(p + 9, oem, sizeof(oem));
	p[15] = 2;
	st_le32(p + 16, (uint32_t)rsdt);
	st_le32(p + 20, sizeof(p));
	st_le64(p + 24, xsdt);
	for (unsigned i = 0; i < 20; i++)
		sum = (uint8_t)(sum + p[i]);
	p[8] = (uint8_t)-sum;
	sum = 0;
	for (unsigned i = 0; i < sizeof(p); i++)
		sum = (uint8_t)(sum + p[i]);
	p[32] = (uint8_t)-sum;
	put(t, RSDP_AT, p, sizeof(p));
}

int vm_acpi(struct vm *vm, uint64_t *rsdp, struct err *err)
{
	struct tables t = {.vm = vm, .next = TABLES};

	put_dsdt(&t);
	put_fadt(&t);
	put_madt(&t);
	if (vm->pci)
		put_mcfg(&t);
	put_rsdp(&t);
	if (t.error)
		return err_set(err, t.error == -ENOMEM ? -ENOMEM : -EINVAL,
			       "the ACPI tables do not go into memory from 0x%x to 0x%x: %s",
			       TABLES, TABLES_END, strerror(-t.error));
	*rsdp = RSDP_AT;
	return 0;
}
