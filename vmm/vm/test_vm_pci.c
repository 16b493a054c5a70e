/* SPDX-License-Identifier: MIT */
/* Unit tests: PCI in a machine: what makes the bus appear, slots, BARs, lines, tables, snapshots. */
#include "test_vm.h"

static const uint8_t halt[] = {0xf4};

static struct vm_spec spec_of(enum vm_machine machine, const char *const *devices, unsigned nr)
{
	struct vm_spec spec = flat_spec(halt, sizeof(halt), X86_LONG);

	spec.cpu = VM_CPU_SOFT;
	spec.machine = machine;
	spec.devices = devices;
	spec.nr_devices = nr;
	return spec;
}

static uint64_t in(struct vm *vm, enum bus_space space, uint64_t at, unsigned size)
{
	uint64_t v = 0;

	(void)bus_read(vm->bus, space, at, size, &v);
	return v;
}

static void out(struct vm *vm, enum bus_space space, uint64_t at, unsigned size, uint64_t val)
{
	(void)bus_write(vm->bus, space, at, size, val);
}

#define CFG(slot, reg) (PCI_ECAM + ((uint64_t)(slot) << 15) + (reg))

static void appears(void **state)
{
	static const char *const none[] = {"virtio-rng"}, *const host[] = {"pci-host"},
				 *const rng[] = {"virtio-rng-pci"};

	(void)state;
	for (enum vm_machine m = VM_MACHINE_TEST; m <= VM_MACHINE_PC; m++) {
		struct vm_spec spec = spec_of(m, none, 1);
		struct vm *vm = make_vm(&spec);

		assert_null(vm->pci);
		assert_null(vm_device(vm, "pci-host0"));
		assert_int_equal(in(vm, BUS_MMIO, CFG(0, 0), 4), UINT32_MAX);
		vm_free(vm);
		spec = spec_of(m, host, 1);
		vm = make_vm(&spec);
		assert_non_null(vm_device(vm, "pci-host0"));
		assert_int_equal(in(vm, BUS_MMIO, CFG(0, 0), 4), 0x00081b36);
		assert_int_equal(in(vm, BUS_MMIO, CFG(1, 0), 4), UINT32_MAX);
		vm_free(vm);
		spec = spec_of(m, rng, 1);
		vm = make_vm(&spec);
		assert_ptr_equal(vm->pci, vm_device(vm, "pci-host0"));
		assert_non_null(vm_device(vm, "virtio-rng-pci0"));
		out(vm, BUS_PIO, PCI_CONFIG_PORT, 4, 0x80000800);
		assert_int_equal(in(vm, BUS_PIO, PCI_CONFIG_PORT + 4, 4), 0x10441af4);
		vm_free(vm);
	}
}

static void placed(void **state)
{
	static const char *const devices[] = {"virtio-rng-pci", "virtio-blk-pci,disk=0,slot=5",
					      "virtio-rng-pci,bar64=0", "virtio-rng"};
	static const char *const disks[] = {"mem:64K"};
	uint64_t at[3][2];

	(void)state;
	for (enum vm_machine m = VM_MACHINE_TEST; m <= VM_MACHINE_PC; m++) {
		struct vm_spec spec = spec_of(m, devices, ARRAY_SIZE(devices));
		static const unsigned slots[3] = {1, 5, 2};
		struct vm *vm;

		spec.disks = disks;
		spec.nr_disks = 1;
		vm = make_vm(&spec);
		assert_non_null(vm_device(vm, "virtio-rng-pci1"));
		assert_non_null(vm_device(vm, "virtio-blk-pci0"));
		/* The first over virtio-mmio has the window and the line that it always has. */
		assert_int_equal(in(vm, BUS_MMIO, VM_VIRTIO, 4), VIRTIO_MMIO_MAGIC_VALUE);
		assert_int_equal(vm_device(vm, "virtio-rng0")->irq_line, VM_VIRTIO_IRQ);
		for (unsigned i = 0; i < 3; i++) {
			struct pci_func *f = pci_func_at(vm->pci, slots[i]);
			unsigned line = m == VM_MACHINE_PC ? VM_PCI_PIN + slots[i] % 4 : VM_PCI_IRQ;

			assert_non_null(f);
			assert_int_equal(in(vm, BUS_MMIO, CFG(slots[i], PCI_LINE), 1), line);
			assert_int_equal(pci_command(f), PCI_COMMAND_MEMORY);
			for (unsigned b = 0; b < 2; b++) {
				uint64_t base = pci_bar_base(f, b ? VIRTIO_PCI_BAR : 1);

				assert_true(base >= VM_PCI_MEMORY &&
					    base < VM_PCI_MEMORY + VM_PCI_MEMORY_LEN);
				at[i][b] = base;
			}
			assert_int_equal(in(vm, BUS_MMIO,
					    pci_bar_base(f, VIRTIO_PCI_BAR) + VIRTIO_PCI_NUM_QUEUES,
					    2),
					 1);
		}
		assert_true(at[0][1] != at[1][1] && at[1][1] != at[2][1] && at[0][0] != at[0][1]);
		vm_free(vm);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *devices[3];
		unsigned nr;
		const char *words;
	} bad[] = {
		{{"pci-host", "pci-host"}, 2, "one already"},
		{{"virtio-rng-pci", "pci-host"}, 2, "one already"},
		{{"virtio-rng-pci,slot=3", "virtio-rng-pci,slot=3"}, 2, "slot 3"},
		{{"virtio-nothing-pci"}, 1, "virtio-nothing"},
		{{"uart-pci"}, 1, "no virtio device"},
		{{"virtio-rng-pci,base=0xd0000000"}, 1, "base"},
		{{"pci-host,lines=3"}, 1, "lines"},
		{{"pci-host,base=0x3f8"}, 1, "overlaps"},
		{{"virtio-blk-pci,disk=0"}, 1, "disk"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vm_spec spec = spec_of(VM_MACHINE_PC, bad[i].devices, bad[i].nr);
		struct err err = {0};
		struct vm *vm;

		assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
		if (!strstr(err.msg, bad[i].words))
			fail_msg("%s: %s", bad[i].devices[0], err.msg);
	}
}

/* PCI has four pins of the PC's for itself, beside it virtio-mmio has the others. */
static void pins(void **state)
{
	const char *devices[11];
	struct vm_spec spec = spec_of(VM_MACHINE_PC, devices, 10);
	struct err err = {0};
	struct vm *vm;

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		devices[i] = "virtio-rng";
	devices[9] = "virtio-rng-pci";
	vm = make_vm(&spec);
	assert_int_equal(vm_device(vm, "virtio-rng8")->irq_line, VM_PCI_PIN - 1);
	pci_intx(pci_func_at(vm->pci, 1), true);
	vm_free(vm);
	devices[10] = "virtio-rng";
	spec.nr_devices = 11;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "9 lines"));
}

/* A ROM is firmware: it finds what a reset leaves. */
static void firmware_of_the_guests_own(void **state)
{
	static const char *const devices[] = {"virtio-rng-pci"};
	static uint8_t rom[4096];
	struct vm_spec spec = spec_of(VM_MACHINE_PC, devices, 1);
	struct vm *vm;

	(void)state;
	memset(rom, 0xf4, sizeof(rom));
	spec.load = (struct load_req){.kind = LOAD_ROM, .image = {.data = rom, .len = sizeof(rom)}};
	vm = make_vm(&spec);
	assert_int_equal(in(vm, BUS_MMIO, CFG(1, PCI_COMMAND), 2), 0);
	assert_int_equal(in(vm, BUS_MMIO, CFG(1, PCI_BAR0 + 4), 4), 0);
	vm_free(vm);
}

static uint64_t rd(struct vm *vm, uint64_t gpa, unsigned size)
{
	uint8_t b[8] = {0};

	assert_int_equal(gmem_read(vm->mem, gpa, b, size), 0);
	return ld_le(b, size);
}

static uint64_t find_table(struct vm *vm, const char *sign)
{
	uint64_t xsdt = rd(vm, 0xf0018, 8), len = rd(vm, xsdt + 4, 4);

	for (uint64_t at = xsdt + 36; at < xsdt + len; at += 8)
		if (rd(vm, rd(vm, at, 8), 4) == ld_le32(sign))
			return rd(vm, at, 8);
	return 0;
}

static bool has_bytes(struct vm *vm, uint64_t gpa, uint64_t len, const void *what, size_t n)
{
	uint8_t b[64];

	assert_true(n <= sizeof(b));
	for (uint64_t i = 0; i + n <= len; i++)
		if (!gmem_read(vm->mem, gpa + i, b, n) && !memcmp(b, what, n))
			return true;
	return false;
}

static void tables(void **state)
{
	static const char *const devices[] = {"virtio-rng-pci", "virtio-rng-pci,slot=7"};
	/* Package (4) {slot 7, INTC#, LNKB, 0}: (7 + 2) % 4 is 1 */
	static const uint8_t prt[] = {0x0c, 0xff, 0xff, 0x07, 0x00, 0x0a,
				      0x02, 'L',  'N',	'K',  'B',  0x00};
	/* Interrupt (consumer, level, active high, shared) {21} */
	static const uint8_t line[] = {0x89, 0x06, 0, 0x09, 1, VM_PCI_PIN + 1, 0, 0, 0};
	/* DWordMemory: from, to, no translation, length */
	static const uint8_t window[] = {0x87, 0x17, 0, 0, 0x0c, 0x01, 0,    0,	   0,
					 0,    0,    0, 0, 0xf0, 0xff, 0xff, 0xff, 0xfb,
					 0,    0,    0, 0, 0,	 0,    0,    0x0c};
	/* EISA IDs PNP0A08 and PNP0C02, big-endian in little-endian words */
	static const uint8_t root[] = {0x0c, 0x41, 0xd0, 0x0a, 0x08};
	static const uint8_t board[] = {0x0c, 0x41, 0xd0, 0x0c, 0x02};
	struct vm_spec spec = spec_of(VM_MACHINE_PC, devices, 2);
	struct vm *vm = make_vm(&spec);
	uint64_t mcfg = find_table(vm, "MCFG"), fadt = find_table(vm, "FACP"), dsdt, len, mp;
	unsigned pci = 0;

	(void)state;
	assert_int_not_equal(mcfg, 0);
	assert_int_equal(rd(vm, mcfg + 4, 4), 60);
	assert_int_equal(rd(vm, mcfg + 44, 8), PCI_ECAM);
	assert_int_equal(rd(vm, mcfg + 52, 4), 0); /* segment 0, buses 0 to 0 */
	dsdt = rd(vm, fadt + 140, 8);
	len = rd(vm, dsdt + 4, 4);
	assert_true(has_bytes(vm, dsdt, len, root, sizeof(root)));
	assert_true(has_bytes(vm, dsdt, len, board, sizeof(board)));
	assert_true(has_bytes(vm, dsdt, len, "_PRT", 4));
	assert_true(has_bytes(vm, dsdt, len, "_OSC\x04\xa4\x6b", 7));
	assert_true(has_bytes(vm, dsdt, len, prt, sizeof(prt)));
	assert_true(has_bytes(vm, dsdt, len, line, sizeof(line)));
	assert_true(has_bytes(vm, dsdt, len, window, sizeof(window)));
	/* The MP table: bus 0 is PCI, its interrupts are device << 2 | pin. */
	mp = rd(vm, 0xf0044, 4);
	assert_true(has_bytes(vm, mp, rd(vm, mp + 4, 2), "\1\0PCI   \1\1ISA   ", 16));
	for (uint64_t at = mp + 44 + 20; at < mp + rd(vm, mp + 4, 2); at += 8)
		if (rd(vm, at, 1) == 3 && rd(vm, at + 4, 1) == 0) {
			unsigned slot = (unsigned)rd(vm, at + 5, 1) >> 2;

			assert_int_equal(rd(vm, at + 5, 1) & 3, 0);
			assert_int_equal(rd(vm, at + 7, 1), VM_PCI_PIN + slot % 4);
			pci++;
		}
	assert_int_equal(pci, 2);
	vm_free(vm);
	/* Without the bus there is no word of it. */
	spec.nr_devices = 0;
	vm = make_vm(&spec);
	assert_int_equal(find_table(vm, "MCFG"), 0);
	dsdt = rd(vm, find_table(vm, "FACP") + 140, 8);
	assert_false(has_bytes(vm, dsdt, rd(vm, dsdt + 4, 4), "_PRT", 4));
	mp = rd(vm, 0xf0044, 4);
	assert_true(has_bytes(vm, mp, rd(vm, mp + 4, 2), "\1\0ISA   ", 8));
	vm_free(vm);
}

static uint64_t hash_of(struct vm *vm)
{
	uint64_t h = 0;

	assert_int_equal(vm_hash(vm, &h, NULL), 0);
	return h;
}

/* The hash and a snapshot have the function and the model; a BAR comes back to where it was. */
static void snapshots(void **state)
{
	static const char *const devices[] = {"virtio-rng-pci", "virtio-rng-pci"};
	struct vm_spec spec = spec_of(VM_MACHINE_PC, devices, 2);
	struct vm_snap *snap;
	uint64_t fresh, regs, other, h;
	struct pci_func *f;
	struct vm *vm;

	(void)state;
	spec.track_dirty = true;
	vm = make_vm(&spec);
	f = pci_func_at(vm->pci, 1);
	regs = pci_bar_base(f, VIRTIO_PCI_BAR);
	other = pci_bar_base(pci_func_at(vm->pci, 2), VIRTIO_PCI_BAR);
	fresh = hash_of(vm);
	assert_int_equal(vm_snap(vm, &snap, NULL), 0);
	out(vm, BUS_MMIO, regs + VIRTIO_PCI_DEVICE_STATUS, 1, 3); /* the model's */
	h = hash_of(vm);
	assert_true(h != fresh);
	out(vm, BUS_MMIO, CFG(1, PCI_LINE), 1, 0x55); /* the function's */
	assert_true(hash_of(vm) != h);
	/* They change places. */
	out(vm, BUS_MMIO, CFG(2, PCI_BAR0 + 16), 4, 0xf8000000);
	out(vm, BUS_MMIO, CFG(1, PCI_BAR0 + 16), 4, other);
	out(vm, BUS_MMIO, CFG(2, PCI_BAR0 + 16), 4, regs);
	out(vm, BUS_MMIO, CFG(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(in(vm, BUS_MMIO, other + VIRTIO_PCI_DEVICE_STATUS, 1), 3);
	assert_int_equal(vm_restore(vm, snap, NULL), 0);
	assert_true(hash_of(vm) == fresh);
	out(vm, BUS_MMIO, regs + VIRTIO_PCI_DEVICE_STATUS, 1, 1);
	assert_int_equal(virtio_pci_model(&f->dev)->status, 1);
	assert_true(virtio_pci_model(&f->dev)->stopped);
	assert_int_equal(in(vm, BUS_MMIO, other + VIRTIO_PCI_DEVICE_STATUS, 1), 0);
	vm_snap_free(snap);
	vm_free(vm);
}

/* A message of a function reaches the local APIC. */
static void message(void **state)
{
	static const char *const devices[] = {"virtio-rng-pci"};
	struct vm_spec spec = spec_of(VM_MACHINE_PC, devices, 1);
	struct vm *vm = make_vm(&spec);
	struct pci_func *f = pci_func_at(vm->pci, 1);

	(void)state;
	dev_write(vm->lapic, 0, 0xf0, 4, 0x1ff); /* software-enabled */
	out(vm, BUS_MMIO, CFG(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	out(vm, BUS_MMIO, CFG(1, f->msix_cap + PCI_MSIX_CONTROL), 2, PCI_MSIX_ENABLE);
	pci_bar_write(f, 1, 0, 8, 0xfee00000);
	pci_bar_write(f, 1, 8, 8, 0x61);
	pci_msix_send(f, 0);
	/* IRR, bits 96 to 127 */
	assert_int_equal(dev_read(vm->lapic, 0, 0x230, 4), 1u << 1);
	vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appears),
		cmocka_unit_test(placed),
		cmocka_unit_test(refused),
		cmocka_unit_test(pins),
		cmocka_unit_test(firmware_of_the_guests_own),
		cmocka_unit_test(tables),
		cmocka_unit_test(snapshots),
		cmocka_unit_test(message),
	};

	return cmocka_run_group_tests_name("vm pci", tests, NULL, NULL);
}
