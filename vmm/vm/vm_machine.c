/* SPDX-License-Identifier: MIT */
/* vm: what devices a machine has, and how their lines are wired. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "vm_priv.h"

#define VIRTIO_STEP	 0x200u
#define DEV_SPEC_MAX	 256u
#define CPUID_1_EDX_APIC 9
#define ISA_LINES	 16u
#define IOAPIC_TIMER	 2u /* the pin that IRQ 0 is on */
#define IOAPIC_EXTINT	 0u /* the pin that the 8259's output is on */

/* ---- lines -------------------------------------------------------------------------------------- */

void vm_pic_intr(void *ctx, int level)
{
	struct vm *vm = ctx;

	lapic_lint0(vm->lapic, level);
	if (vm->ioapic)
		ioapic_set(vm->ioapic, IOAPIC_EXTINT, level);
}

bool vm_msi(void *ctx, uint64_t addr, uint32_t data)
{
	struct vm *vm = ctx;

	return vm->lapic && lapic_msi(vm->lapic, addr, data);
}

void vm_eoi(void *ctx, unsigned vector)
{
	struct vm *vm = ctx;

	if (vm->ioapic)
		ioapic_eoi(vm->ioapic, vector);
}

void vm_line(void *ctx, unsigned line, int level)
{
	struct vm *vm = ctx;

	if (line < ISA_LINES && vm->pic)
		pic_set(vm->pic, line, level);
	/* Pin 0 is the 8259's, and IRQ 2 the way from the second one to the first. */
	if (line != IOAPIC_TIMER)
		ioapic_set(vm->ioapic, line ? line : IOAPIC_TIMER, level);
}

/* ---- devices -----------------------------------------------------------------------------------
 */

/* "uart0", "uart1", ...: the number among those of its kind: the table's name, mostly the class's. */
static void name_device(const struct vm *vm, struct dev *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < vm->nr_dev; i++)
		n += !strcmp(vm->dev[i]->table.name, d->table.name);
	(void)snprintf(d->name, sizeof(d->name), "%.20s%u", d->table.name, n);
}

/* The first of its class. */
static void keep(struct dev **to, struct dev *d, const char *cls)
{
	if (!*to && !strcmp(d->cls->name, cls))
		*to = d;
}

#define PCI_HOST "pci-host"

static int new_device(struct dev **out, const char *spec, const struct dev_env *env,
		      struct err *err)
{
	const size_t len = strlen(PCI_HOST);

	if (virtio_pci_is_spec(spec))
		return virtio_pci_new(out, spec, env, err);
	if (!strncmp(spec, PCI_HOST ",", len + 1))
		return dev_new_class(out, &dev_class_pci_host, spec + len + 1, env, err);
	return dev_new(out, spec, env, err);
}

static int add_device(struct vm *vm, const char *spec, struct rng *rng, struct err *err)
{
	struct dev_env env = {
		.mem = vm->mem,
		.clock = &vm->clock,
		.trace = vm->trace,
		.serial = &vm->serial,
		.console = &vm->console,
		.disk = vm->disk,
		.nr_disks = vm->nr_disks,
		.net = vm->net,
		.nr_nets = vm->nr_nets,
		.chr = vm->chr,
		.nr_chrs = vm->nr_chrs,
		.vsock = vm->vsock,
		.host = {.ctx = vm,
			 .guest_exit = vm_guest_exit,
			 .guest_assert = vm_guest_assert,
			 .hostop = vm_want_hostop,
			 .intr = vm_intr,
			 .nmi = vm_send_nmi,
			 .refuse = vm_refuse,
			 .power = vm_power,
			 .cr8 = vm_cr8,
			 .msi = vm_msi,
			 .eoi = vm_eoi},
		.seed = rng_next(rng),
	};
	struct dev *d;
	int r;

	if (vm->lapic && !strcmp(spec, "pic"))
		env.host.intr = vm_pic_intr;
	if (vm->ioapic)
		env.irq = (struct irq){.set = vm_line, .ctx = vm};
	else if (vm->pic)
		env.irq = (struct irq){.set = pic_set, .ctx = vm->pic};
	r = new_device(&d, spec, &env, err);
	if (r)
		/* A class that is not there is a fault of the spec: -ENOENT means no KVM here. */
		return r == -ENOENT ? err_set(err, -EINVAL, "%s", err ? err->msg : "") : r;
	name_device(vm, d);
	r = dev_attach(d, vm->bus, err);
	if (!r && pci_func_of(d))
		r = pci_plug(vm->pci, pci_func_of(d), err);
	if (r) {
		dev_free(d);
		return r == -ENOMEM ? r : err_set(err, -EINVAL, "%s", err ? err->msg : "");
	}
	vm->dev[vm->nr_dev++] = d;
	keep(&vm->pic, d, "pic");
	keep(&vm->lapic, d, "lapic");
	keep(&vm->ioapic, d, "ioapic");
	keep(&vm->testdev, d, "testdev");
	keep(&vm->pci, d, PCI_HOST);
	return 0;
}

/* A virtio device gets the next window and line unless its spec says otherwise. */
static int add_virtio(struct vm *vm, const char *spec, unsigned n, struct rng *rng, struct err *err)
{
	static const uint8_t test[] = {VM_VIRTIO_IRQ, 6, 7, 9, 11};
	/* 9 is ACPI's there. */
	static const uint8_t pc[] = {VM_VIRTIO_IRQ, 6, 7, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23};
	const bool is_pc = vm->machine == VM_MACHINE_PC;
	const uint8_t *lines = is_pc ? pc : test;
	/* PCI has the last four pins for itself. */
	const size_t nr = is_pc ? ARRAY_SIZE(pc) - (vm->has_pci ? PCI_LINES : 0) : ARRAY_SIZE(test);
	char text[DEV_SPEC_MAX], base[32] = "", irq[16] = "";
	int len;

	if (!strstr(spec, ",base="))
		(void)snprintf(base, sizeof(base), ",base=0x%x", VM_VIRTIO + n * VIRTIO_STEP);
	if (!strstr(spec, ",irq=")) {
		if (n >= nr)
			return err_set(err, -EINVAL,
				       "device %.40s: the %zu lines of virtio are taken: give irq=",
				       spec, nr);
		(void)snprintf(irq, sizeof(irq), ",irq=%u", lines[n]);
	}
	len = snprintf(text, sizeof(text), "%s%s%s", spec, base, irq);
	if (len < 0 || (size_t)len >= sizeof(text))
		return err_set(err, -EINVAL, "device %.40s...: over %u bytes of options", spec,
			       DEV_SPEC_MAX);
	return add_device(vm, text, rng, err);
}

/* The host bridge, whose lines are the machine's unless its spec says otherwise. */
static int add_pci_host(struct vm *vm, const char *spec, struct rng *rng, struct err *err)
{
	const bool is_pc = vm->machine == VM_MACHINE_PC;
	char text[DEV_SPEC_MAX], irq[32] = "", lines[16] = "";
	int len;

	if (vm->pci)
		return err_set(err, -EINVAL,
			       "device " PCI_HOST
			       ": there is one already: name it first, and once");
	if (!strstr(spec, ",irq="))
		(void)snprintf(irq, sizeof(irq), ",irq=%u", is_pc ? VM_PCI_PIN : VM_PCI_IRQ);
	if (!strstr(spec, ",lines="))
		(void)snprintf(lines, sizeof(lines), ",lines=%u", is_pc ? PCI_LINES : 1);
	len = snprintf(text, sizeof(text), "%s%s%s", spec, irq, lines);
	if (len < 0 || (size_t)len >= sizeof(text))
		return err_set(err, -EINVAL, "device " PCI_HOST ": over %u bytes of options",
			       DEV_SPEC_MAX);
	return add_device(vm, text, rng, err);
}

/* A function: the host bridge comes before the first one. */
static int add_pci(struct vm *vm, const char *spec, struct rng *rng, struct err *err)
{
	int r = vm->pci ? 0 : add_pci_host(vm, PCI_HOST, rng, err);

	return r ? r : add_device(vm, spec, rng, err);
}

/* Where there is no firmware of the guest's own. */
static int assign_pci(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	const struct pci_windows w = {VM_PCI_IO, VM_PCI_IO_LEN, VM_PCI_MEMORY, VM_PCI_MEMORY_LEN};
	int r = 0;

	if (vm->pci && spec->load.kind != LOAD_ROM)
		r = pci_assign(vm->pci, &w, err);
	return r == -ENOSPC ? -EINVAL : r;
}

/* ---- machines ------------------------------------------------------------------------------------- */

const char *vm_choose_model(const struct vm *vm, const struct vm_spec *spec)
{
	if (spec->cpu_model)
		return spec->cpu_model;
	return vm->machine == VM_MACHINE_PC ? VM_PC_MODEL : "base";
}

/* A CPU without a local APIC has the 8259 on its pin. */
static bool has_apic(const char *model)
{
	struct x86_cpuid c = {0};
	const struct x86_cpuid *t;
	size_t n = 0;

	t = x86_cpuid_template(model, &n);
	x86_cpuid_lookup(t, n, 1, 0, &c);
	return c.edx >> CPUID_1_EDX_APIC & 1;
}

/* In this order: interrupt controllers from the CPU outwards, since each is wired to the one before. */
static const char *const test_machine[] = {"lapic",    "pic",	     "uart",
					   "debugcon", "debug-exit", "testdev"};
static const char *const pc_machine[] = {"lapic", "ioapic",   "pic",	   "pit",
					 "rtc",	  "i8042",    "acpi-pm",   "fw-cfg",
					 "uart",  "debugcon", "debug-exit"};
_Static_assert(ARRAY_SIZE(test_machine) <= VM_PLATFORM, "no room");
_Static_assert(ARRAY_SIZE(pc_machine) <= VM_PLATFORM, "no room");

#define FW_CFG_CMDLINE 0x15u

/* It tells one CPU, how much RAM there is, and the command line. */
static int add_fw_cfg(struct vm *vm, const struct vm_spec *spec, struct rng *rng, struct err *err)
{
	const char *cmdline = spec->load.cmdline ? spec->load.cmdline : "";
	struct gmem_region g;
	uint64_t ram = 0;
	char text[64];
	int r;

	for (unsigned i = 0; gmem_region(vm->mem, i, &g); i++)
		ram += g.kind == GMEM_RAM ? g.len : 0;
	(void)snprintf(text, sizeof(text), "fw-cfg,cpus=1,ram=0x%" PRIx64, ram);
	r = add_device(vm, text, rng, err);
	if (r)
		return r;
	vm->cmdline = strdup(cmdline);
	if (!vm->cmdline)
		return err_set(err, -ENOMEM, "no memory for the command line");
	r = fw_cfg_add(vm->dev[vm->nr_dev - 1], FW_CFG_CMDLINE, vm->cmdline,
		       strlen(vm->cmdline) + 1);
	return r ? err_set(err, r, "fw-cfg does not take the command line") : 0;
}

static int add_platform(struct vm *vm, const struct vm_spec *spec, struct rng *rng, struct err *err)
{
	const char *model = vm_choose_model(vm, spec);
	const bool is_pc = vm->machine == VM_MACHINE_PC, apic = has_apic(model);
	const char *const *list = is_pc ? pc_machine : test_machine;
	const size_t nr = is_pc ? ARRAY_SIZE(pc_machine) : ARRAY_SIZE(test_machine);
	int r = 0;

	if (is_pc && !apic)
		return err_set(err, -EINVAL,
			       "machine pc: CPU model '%.40s' has no local APIC: use %s", model,
			       VM_PC_MODEL);
	for (size_t i = 0; i < nr && !r; i++) {
		if (!apic && !strcmp(list[i], "lapic"))
			continue;
		r = strcmp(list[i], "fw-cfg") ? add_device(vm, list[i], rng, err)
					      : add_fw_cfg(vm, spec, rng, err);
	}
	return r;
}

static bool is_pci(const char *spec)
{
	const size_t len = strlen(PCI_HOST);

	return virtio_pci_is_spec(spec) ||
	       (!strncmp(spec, PCI_HOST, len) && (!spec[len] || spec[len] == ','));
}

int vm_add_devices(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	struct rng rng = {spec->seed};
	unsigned virtio = 0;
	int r = 0;

	if (spec->nr_devices > VM_DEVICES)
		return err_set(err, -EINVAL, "%u devices: at most %u beside the platform",
			       spec->nr_devices, VM_DEVICES);
	if (!spec->no_platform)
		r = add_platform(vm, spec, &rng, err);
	for (unsigned i = 0; i < spec->nr_devices; i++)
		vm->has_pci |= is_pci(spec->devices[i]);
	for (unsigned i = 0; i < spec->nr_devices && !r; i++) {
		const char *text = spec->devices[i];

		if (virtio_pci_is_spec(text))
			r = add_pci(vm, text, &rng, err);
		else if (is_pci(text))
			r = add_pci_host(vm, text, &rng, err);
		else if (!strncmp(text, "virtio-", 7))
			r = add_virtio(vm, text, virtio++, &rng, err);
		else
			r = add_device(vm, text, &rng, err);
	}
	return r ? r : assign_pci(vm, spec, err);
}
