/* SPDX-License-Identifier: MIT */
/* Unit tests: the PC's tables in memory: ACPI and MP, read as a guest finds them. */
#include "test_vm.h"
#include "vm_aml.h"

static const uint8_t code[] = {0xf4};
static const char *const devices[] = {"virtio-rng", "virtio-rng,irq=17"};

static struct vm *make_pc(void)
{
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);

	spec.cpu = VM_CPU_SOFT;
	spec.machine = VM_MACHINE_PC;
	spec.devices = devices;
	spec.nr_devices = ARRAY_SIZE(devices);
	return make_vm(&spec);
}

static uint8_t sum(struct vm *vm, uint64_t gpa, uint64_t len)
{
	uint8_t s = 0, b;

	while (len--) {
		assert_int_equal(gmem_read(vm->mem, gpa++, &b, 1), 0);
		s = (uint8_t)(s + b);
	}
	return s;
}

static uint64_t rd(struct vm *vm, uint64_t gpa, unsigned size)
{
	uint8_t b[8] = {0};

	assert_int_equal(gmem_read(vm->mem, gpa, b, size), 0);
	return ld_le(b, size);
}

/* A table with that signature, its sum right; its length. */
static uint32_t table(struct vm *vm, uint64_t gpa, const char *sign)
{
	char s[5] = {0};
	uint32_t len = (uint32_t)rd(vm, gpa + 4, 4);

	assert_true(gpa >= 0xe0000 && gpa + len <= 0x100000);
	assert_int_equal(gmem_read(vm->mem, gpa, s, 4), 0);
	assert_string_equal(s, sign);
	assert_int_equal(sum(vm, gpa, len), 0);
	return len;
}

static uint64_t find(struct vm *vm, const char *sign)
{
	uint64_t xsdt = rd(vm, 0xf0018, 8);
	uint32_t len = table(vm, xsdt, "XSDT");

	for (uint64_t at = xsdt + 36; at < xsdt + len; at += 8)
		if (rd(vm, rd(vm, at, 8), 4) == ld_le32(sign))
			return rd(vm, at, 8);
	fail_msg("no %s", sign);
	return 0;
}

static void roots(void **state)
{
	struct vm *vm = make_pc();
	uint64_t rsdp = 0, rsdt, xsdt;

	(void)state;
	assert_int_equal(vm_acpi(vm, &rsdp, NULL), 0);
	assert_int_equal(rsdp, 0xf0000);
	assert_int_equal(rd(vm, rsdp, 8), ld_le64("RSD PTR "));
	assert_int_equal(sum(vm, rsdp, 20), 0);
	assert_int_equal(sum(vm, rsdp, 36), 0);
	rsdt = rd(vm, rsdp + 16, 4);
	xsdt = rd(vm, rsdp + 24, 8);
	assert_int_equal(table(vm, rsdt, "RSDT"), 36 + 2 * 4);
	assert_int_equal(table(vm, xsdt, "XSDT"), 36 + 2 * 8);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rd(vm, rsdt + 36 + 4 * i, 4), rd(vm, xsdt + 36 + 8 * i, 8));
	vm_free(vm);
}

static void fixed(void **state)
{
	struct vm *vm = make_pc();
	uint64_t rsdp, f, facs;

	(void)state;
	assert_int_equal(vm_acpi(vm, &rsdp, NULL), 0);
	f = find(vm, "FACP");
	assert_int_equal(table(vm, f, "FACP"), 276);
	facs = rd(vm, f + 36, 4);
	assert_int_equal(facs % 64, 0);
	assert_int_equal(rd(vm, facs, 4), ld_le32("FACS"));
	assert_int_equal(rd(vm, facs + 4, 4), 64);
	assert_int_equal(rd(vm, f + 40, 4), rd(vm, f + 140, 8));
	(void)table(vm, rd(vm, f + 40, 4), "DSDT");
	assert_int_equal(rd(vm, f + 46, 2), 9);
	assert_int_equal(rd(vm, f + 48, 4), 0); /* always in ACPI mode */
	/* Each block twice: as a port, and as a generic address (I/O, bits, 0, access). */
	assert_int_equal(rd(vm, f + 56, 4), VM_PM1_EVT);
	assert_int_equal(rd(vm, f + 148, 4), 0x02002001);
	assert_int_equal(rd(vm, f + 152, 8), VM_PM1_EVT);
	assert_int_equal(rd(vm, f + 64, 4), VM_PM1_CNT);
	assert_int_equal(rd(vm, f + 172, 4), 0x02001001);
	assert_int_equal(rd(vm, f + 176, 8), VM_PM1_CNT);
	assert_int_equal(rd(vm, f + 76, 4), VM_PM_TMR);
	assert_int_equal(rd(vm, f + 208, 4), 0x03002001);
	assert_int_equal(rd(vm, f + 212, 8), VM_PM_TMR);
	assert_int_equal(rd(vm, f + 88, 4), 0x04000204);
	/* Reset: acpi-pm's register; no 8042 to be probed, no VGA; the timer has 32 bits. */
	assert_int_equal(rd(vm, f + 109, 2), 0x5);
	assert_int_equal(rd(vm, f + 112, 4) & (1u << 8 | 1u << 10 | 1u << 20), 1u << 8 | 1u << 10);
	assert_int_equal(rd(vm, f + 116, 4), 0x01000801);
	assert_int_equal(rd(vm, f + 120, 8), VM_PM_RESET);
	assert_int_equal(rd(vm, f + 128, 1), 6);
	vm_free(vm);
}

static void interrupts(void **state)
{
	static const uint8_t want[] = {
		0, 8,  0,    0, 1, 0, 0,    0,			/* the CPU */
		1, 12, 1,    0, 0, 0, 0xc0, 0xfe, 0,   0, 0, 0, /* the I/O APIC from GSI 0 on */
		2, 10, 0,    0, 2, 0, 0,    0,	  0,   0,	/* IRQ 0 is GSI 2 */
		2, 10, 0,    9, 9, 0, 0,    0,	  0xd, 0,	/* SCI: level, active high */
		4, 6,  0xff, 0, 0, 1,				/* NMI on LINT1 */
	};
	uint8_t got[sizeof(want)];
	struct vm *vm = make_pc();
	uint64_t rsdp, m;

	(void)state;
	assert_int_equal(vm_acpi(vm, &rsdp, NULL), 0);
	m = find(vm, "APIC");
	assert_int_equal(table(vm, m, "APIC"), 44 + sizeof(want));
	assert_int_equal(rd(vm, m + 36, 4), 0xfee00000);
	assert_int_equal(rd(vm, m + 40, 4), 1);
	assert_int_equal(gmem_read(vm->mem, m + 44, got, sizeof(got)), 0);
	assert_memory_equal(got, want, sizeof(want));
	/* And the firmware gave it that ID. */
	dev_write(vm->ioapic, 0, 0, 4, 0);
	assert_int_equal(dev_read(vm->ioapic, 0, 0x10, 4), VM_IOAPIC_ID << 24);
	vm_free(vm);
}

/* Where (what) is in the DSDT, or 0. */
static uint64_t in_dsdt(struct vm *vm, const void *what, size_t len)
{
	uint64_t dsdt = rd(vm, find(vm, "FACP") + 40, 4);
	uint32_t n = table(vm, dsdt, "DSDT");
	const uint8_t *p = gmem_ro(vm->mem, dsdt, n);
	const uint8_t *at = memmem(p, n, what, len);

	return at ? dsdt + (uint64_t)(at - p) : 0;
}

static void described(void **state)
{
	static const uint8_t s5[] = {0x08, '\\', '_', 'S', '5',	 '_',	     0x12,
				     0x89, 0,	 0,   4,   0x0a, VM_SLEEP_S5};
	static const uint8_t com[] = {0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x10, 0, 0x79, 0};
	static const uint8_t first[] = {0x86, 9, 0, 1, 0, 0, 0, 0xd0, 0, 2,    0, 0,
					0x89, 6, 0, 1, 1, 5, 0, 0,    0, 0x79, 0};
	static const uint8_t second[] = {0x86, 9, 0, 1, 0, 2,  0, 0xd0, 0, 2,	 0, 0,
					 0x89, 6, 0, 1, 1, 17, 0, 0,	0, 0x79, 0};
	struct vm *vm = make_pc();
	uint64_t rsdp;

	(void)state;
	assert_int_equal(vm_acpi(vm, &rsdp, NULL), 0);
	assert_true(in_dsdt(vm, s5, sizeof(s5)));
	assert_true(in_dsdt(vm, com, sizeof(com)));
	assert_true(in_dsdt(vm, "VR00", 4) < in_dsdt(vm, first, sizeof(first)));
	assert_true(in_dsdt(vm, first, sizeof(first)) < in_dsdt(vm, "VR01", 4));
	assert_true(in_dsdt(vm, "VR01", 4) < in_dsdt(vm, second, sizeof(second)));
	assert_false(in_dsdt(vm, "VR02", 4));
	vm_free(vm);
}

/* As many devices as a machine can have still go in. */
static void many(void **state)
{
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	const char *devs[VM_DEVICES];
	uint64_t rsdp;
	struct vm *vm;

	(void)state;
	spec.cpu = VM_CPU_SOFT;
	spec.machine = VM_MACHINE_PC;
	for (unsigned i = 0; i < VM_DEVICES; i++)
		devs[i] = i < 13 ? "virtio-rng" : "virtio-rng,irq=23";
	spec.devices = devs;
	spec.nr_devices = VM_DEVICES;
	vm = make_vm(&spec);
	assert_int_equal(vm_acpi(vm, &rsdp, NULL), 0);
	assert_true(in_dsdt(vm, "VR0F", 4));
	assert_int_equal(vm->dev[vm->nr_dev - 4]->irq_line, 23);
	vm_free(vm);
}

static void terms(void **state)
{
	static const uint8_t ints[] = {0, 1, 0x0a, 2, 0x0a, 0xff, 0x0b, 0, 1, 0x0c, 0, 0,
				       1, 0, 0x0e, 0, 0,    0,	  0,	1, 0, 0,    0};
	static const uint8_t id[] = {0x0c, 0x41, 0xd0, 0x05, 0x01};
	struct buf b = {0};
	struct aml_mark m;

	(void)state;
	aml_int(&b, 0);
	aml_int(&b, 1);
	aml_int(&b, 2);
	aml_int(&b, 0xff);
	aml_int(&b, 0x100);
	aml_int(&b, 0x10000);
	aml_int(&b, 1ull << 32);
	assert_int_equal(b.len, sizeof(ints));
	assert_memory_equal(b.p, ints, sizeof(ints));
	buf_free(&b);
	aml_eisa_id(&b, "PNP0501");
	assert_memory_equal(b.p, id, sizeof(id));
	buf_free(&b);
	/* A package's length: 4 bits, 8 and 8, and it counts itself. */
	m = aml_package(&b, 9);
	for (unsigned i = 0; i < 0x1234; i++)
		aml_int(&b, 1);
	aml_close(&b, m);
	assert_memory_equal(b.p, "\x12\x88\x23\x01\x09\x01", 6);
	buf_free(&b);
}

static void mp_table(void **state)
{
	struct vm *vm = make_pc();
	unsigned entries, n[5] = {0};
	uint64_t at, end;

	(void)state;
	assert_int_equal(rd(vm, 0xf0040, 4), ld_le32("_MP_"));
	assert_int_equal(sum(vm, 0xf0040, 16), 0);
	at = rd(vm, 0xf0044, 4);
	assert_int_equal(rd(vm, at, 4), ld_le32("PCMP"));
	end = at + rd(vm, at + 4, 2);
	assert_int_equal(sum(vm, at, end - at), 0);
	assert_int_equal(rd(vm, at + 36, 4), 0xfee00000);
	entries = (unsigned)rd(vm, at + 34, 2);
	at += 44;
	for (unsigned i = 0; i < entries; i++) {
		uint8_t type = (uint8_t)rd(vm, at, 1);

		assert_true(type < 5);
		n[type]++;
		/* IRQ 0 on pin 2, nothing on IRQ 2, all others where they are. */
		if (type == 3) {
			uint64_t irq = rd(vm, at + 5, 1), pin = rd(vm, at + 7, 1);

			assert_int_equal(pin, irq ? irq : 2);
			assert_int_not_equal(irq, 2);
			assert_int_equal(rd(vm, at + 2, 2), irq == 9 ? 0xd : 0);
			assert_int_equal(rd(vm, at + 6, 1), VM_IOAPIC_ID);
		}
		at += type ? 8 : 20;
	}
	assert_int_equal(at, end);
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 1);
	assert_int_equal(n[2], 1);
	assert_int_equal(n[3], 15);
	assert_int_equal(n[4], 2);
	vm_free(vm);
}

/* The other machine has none of it. */
static void not_on_test(void **state)
{
	struct vm_spec spec = flat_spec(code, sizeof(code), X86_LONG);
	struct vm *vm;

	(void)state;
	spec.cpu = VM_CPU_SOFT;
	vm = make_vm(&spec);
	assert_int_equal(vm_machine(vm), VM_MACHINE_TEST);
	for (uint64_t gpa = 0xe0000; gpa < 0x100000; gpa += 8)
		assert_int_equal(rd(vm, gpa, 8), 0);
	vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots),      cmocka_unit_test(fixed),
		cmocka_unit_test(interrupts), cmocka_unit_test(described),
		cmocka_unit_test(many),	      cmocka_unit_test(terms),
		cmocka_unit_test(mp_table),   cmocka_unit_test(not_on_test),
	};

	return cmocka_run_group_tests_name("vm/acpi", tests, NULL, NULL);
}
