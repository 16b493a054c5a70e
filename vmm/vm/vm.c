/* SPDX-License-Identifier: MIT */
/* vm: a spec becomes a machine, and its end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm_priv.h"

#define GIB3		 (3ull << 30) /* RAM below ends here: devices live above */
#define GIB4		 (4ull << 30)
#define TRACE_EVENTS	 4096u
#define VIRTIO_STEP	 0x200u
#define DEV_SPEC_MAX	 256u
#define CPUID_1_EDX_APIC 9

/* ---- memory ------------------------------------------------------------------------------------
 */

static int add_memory(struct vm *vm, uint64_t mem, struct err *err)
{
	uint64_t low;
	int r;

	if (!mem)
		mem = VM_MEM_DEFAULT;
	if (mem % GMEM_PAGE || mem < VM_MEM_MIN || mem > GMEM_MAX)
		return err_set(err, -EINVAL,
			       "memory of %" PRIu64 " bytes (0x%" PRIx64 "): give a multiple of "
			       "4096 from 1 MiB to 64 GiB",
			       mem, mem);
	r = gmem_new(&vm->mem, err);
	if (r)
		return r;
	low = mem < GIB3 ? mem : GIB3;
	r = gmem_add(vm->mem, 0, low, GMEM_RAM, err);
	if (!r && mem > low)
		r = gmem_add(vm->mem, GIB4, mem - low, GMEM_RAM, err);
	return r;
}

/* ---- devices -----------------------------------------------------------------------------------
 */

/* "uart0", "uart1", ...: the number among those of its class. */
static void name_device(const struct vm *vm, struct dev *d)
{
	unsigned n = 0;

	for (unsigned i = 0; i < vm->nr_dev; i++)
		n += vm->dev[i]->cls == d->cls;
	(void)snprintf(d->name, sizeof(d->name), "%.16s%u", d->cls->name, n);
}

static int add_device(struct vm *vm, const char *spec, struct rng *rng, struct err *err)
{
	struct dev_env env = {
		.mem = vm->mem,
		.clock = &vm->clock,
		.trace = vm->trace,
		.serial = &vm->serial,
		.console = &vm->console,
		.host = {.ctx = vm,
			 .guest_exit = vm_guest_exit,
			 .guest_assert = vm_guest_assert,
			 .hostop = vm_want_hostop,
			 .intr = vm_intr,
			 .nmi = vm_send_nmi,
			 .refuse = vm_refuse,
			 .cr8 = vm_cr8},
		.seed = rng_next(rng),
	};
	struct dev *d;
	int r;

	if (vm->lapic && !strcmp(spec, "pic"))
		env.host.intr = vm_pic_intr;
	if (vm->pic)
		env.irq = (struct irq){.set = pic_set, .ctx = vm->pic};
	r = dev_new(&d, spec, &env, err);
	if (r)
		/* A class that is not there is a fault of the spec: -ENOENT means no KVM here. */
		return r == -ENOENT ? err_set(err, -EINVAL, "%s", err ? err->msg : "") : r;
	name_device(vm, d);
	r = dev_attach(d, vm->bus, err);
	if (r) {
		dev_free(d);
		return r == -ENOMEM ? r : err_set(err, -EINVAL, "%s", err ? err->msg : "");
	}
	vm->dev[vm->nr_dev++] = d;
	if (!strcmp(d->cls->name, "pic") && !vm->pic)
		vm->pic = d;
	if (!strcmp(d->cls->name, "lapic") && !vm->lapic)
		vm->lapic = d;
	if (!strcmp(d->cls->name, "testdev") && !vm->testdev)
		vm->testdev = d;
	return 0;
}

/* A virtio device gets the next window and line unless its spec says otherwise. */
static int add_virtio(struct vm *vm, const char *spec, unsigned n, struct rng *rng, struct err *err)
{
	static const uint8_t lines[] = {VM_VIRTIO_IRQ, 6, 7, 9, 11};
	char text[DEV_SPEC_MAX], base[32] = "", irq[16] = "";
	int len;

	if (!strstr(spec, ",base="))
		(void)snprintf(base, sizeof(base), ",base=0x%x", VM_VIRTIO + n * VIRTIO_STEP);
	if (!strstr(spec, ",irq=")) {
		if (n >= ARRAY_SIZE(lines))
			return err_set(
				err, -EINVAL,
				"device %.40s: the five lines of virtio are taken: give irq=",
				spec);
		(void)snprintf(irq, sizeof(irq), ",irq=%u", lines[n]);
	}
	len = snprintf(text, sizeof(text), "%s%s%s", spec, base, irq);
	if (len < 0 || (size_t)len >= sizeof(text))
		return err_set(err, -EINVAL, "device %.40s...: over %u bytes of options", spec,
			       DEV_SPEC_MAX);
	return add_device(vm, text, rng, err);
}

static const struct x86_cpuid *template(const struct vm_spec *spec, size_t *n)
{
	return x86_cpuid_template(spec->cpu_model ? spec->cpu_model : "base", n);
}

/* A CPU without a local APIC has the 8259 on its pin. */
static bool has_apic(const struct vm_spec *spec)
{
	struct x86_cpuid c = {0};
	const struct x86_cpuid *t;
	size_t n = 0;

	t = template(spec, &n);
	x86_cpuid_lookup(t, n, 1, 0, &c);
	return c.edx >> CPUID_1_EDX_APIC & 1;
}

static int add_devices(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	static const char *const platform[VM_PLATFORM] = {"pic", "uart", "debugcon", "debug-exit",
							  "testdev"};
	struct rng rng = {spec->seed};
	unsigned virtio = 0;
	int r = 0;

	if (spec->nr_devices > VM_DEVICES)
		return err_set(err, -EINVAL, "%u devices: at most %u beside the platform",
			       spec->nr_devices, VM_DEVICES);
	/* First: the 8259 is wired to it. */
	if (has_apic(spec) && !spec->no_platform)
		r = add_device(vm, "lapic", &rng, err);
	for (unsigned i = 0; i < VM_PLATFORM && !spec->no_platform && !r; i++)
		r = add_device(vm, platform[i], &rng, err);
	for (unsigned i = 0; i < spec->nr_devices && !r; i++) {
		if (!strncmp(spec->devices[i], "virtio-", 7))
			r = add_virtio(vm, spec->devices[i], virtio++, &rng, err);
		else
			r = add_device(vm, spec->devices[i], &rng, err);
	}
	return r;
}

/* ---- the CPU -----------------------------------------------------------------------------------
 */

static int add_cpu(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	struct cpu_config cfg = {.mem = vm->mem,
				 .trace = vm->trace,
				 .host = {.ctx = vm, .exit = vm_exit, .ack = vm_ack},
				 .clock = &vm->clock,
				 .seed = spec->seed,
				 .track_dirty = spec->track_dirty,
				 .want_rip = spec->want_rip};
	int r;

	cfg.cpuid = template(spec, &cfg.nr_cpuid);
	switch (spec->cpu) {
	case VM_CPU_SOFT:
		r = cpu_soft_new(&vm->cpu, &cfg, err);
		break;
	case VM_CPU_KVM:
		r = cpu_kvm_new(&vm->cpu, &cfg, err);
		break;
	case VM_CPU_SCRIPT:
		r = cpu_script_new(&vm->cpu, &cfg, spec->script, spec->script_len, err);
		break;
	default:
		return err_set(err, -EINVAL, "CPU %d: there is soft, kvm and script",
			       (int)spec->cpu);
	}
	if (r)
		return r;
	trace_set_sources(vm->trace, &vm->clock.now, &vm->cpu->rip);
	/* The controller may have driven the line while there was no CPU. */
	if (vm->r.intr)
		r = vm->cpu->ops->intr(vm->cpu, true);
	return r ? err_set(err, r, "the CPU refuses its interrupt line: %s", strerror(-r)) : 0;
}

static int load(struct vm *vm, const struct vm_spec *spec, struct cpu_state *s, struct err *err)
{
	if (!spec->load.image.data) {
		x86_state_reset(s);
		return 0;
	}
	return load_image(vm->mem, &spec->load, &vm->loaded, s, err);
}

int vm_new(struct vm **out, const struct vm_spec *spec, struct err *err)
{
	struct err own = {0};
	struct cpu_state state;
	struct vm *vm;
	size_t nr;
	int r;

	if (!err)
		err = &own; /* messages are built upon below */
	*out = NULL;
	if (spec->cpu_model && !x86_cpuid_template(spec->cpu_model, &nr))
		return err_set(err, -EINVAL, "CPU model '%.40s' is none of: base v2",
			       spec->cpu_model);
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(err, -ENOMEM, "no memory for a machine (%zu bytes)", sizeof(*vm));
	vm->kind = spec->cpu;
	vm->finishes = spec->cpu == VM_CPU_KVM && !spec->no_finish;
	vm->exit_ns = spec->cpu == VM_CPU_SOFT ? 0 : VM_EXIT_NS;
	vm->track_dirty = spec->track_dirty;
	vm->hlt_resumes = spec->hlt_resumes || spec->cpu == VM_CPU_SCRIPT;
	vm->r.guest = -1;
	clock_init(&vm->clock);
	chr_init(&vm->serial, spec->input, spec->input_len);
	chr_init(&vm->console, NULL, 0);
	vm->serial.tee = spec->tee;
	vm->serial.tee_ctx = spec->tee_ctx;

	r = add_memory(vm, spec->mem, err);
	if (r)
		goto fail;
	vm->trace = trace_new(spec->trace_events ? spec->trace_events : TRACE_EVENTS);
	vm->bus = vm->trace ? bus_new(vm->trace) : NULL;
	if (!vm->bus) {
		r = err_set(err, -ENOMEM, "no memory for the trace and the bus");
		goto fail;
	}
	trace_set_sources(vm->trace, &vm->clock.now, NULL);
	r = add_devices(vm, spec, err);
	if (r)
		goto fail;
	/* Before the CPU is made: a bad image is said to be bad on every host. */
	r = load(vm, spec, &state, err);
	if (r)
		goto fail;
	vm->boot_stack = state.gpr[X86_RSP];
	r = add_cpu(vm, spec, err);
	if (r)
		goto fail;
	r = vm->cpu->ops->set(vm->cpu, &state, err);
	if (r)
		goto fail;
	*out = vm;
	return 0;
fail:
	vm_free(vm);
	return r;
}

void vm_free(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->trace)
		trace_set_sources(vm->trace, NULL, NULL);
	cpu_free(vm->cpu);
	/* In reverse: the controller goes last. The CPU that it would drive is gone. */
	vm->cpu = NULL;
	while (vm->nr_dev)
		dev_free(vm->dev[--vm->nr_dev]);
	bus_free(vm->bus);
	trace_free(vm->trace);
	gmem_free(vm->mem);
	chr_fini(&vm->serial);
	chr_fini(&vm->console);
	free(vm);
}

/* ---- the parts ---------------------------------------------------------------------------------
 */

struct gmem *vm_mem(struct vm *vm)
{
	return vm->mem;
}

struct bus *vm_bus(struct vm *vm)
{
	return vm->bus;
}

struct clock *vm_clock(struct vm *vm)
{
	return &vm->clock;
}

struct trace *vm_trace(struct vm *vm)
{
	return vm->trace;
}

struct cpu *vm_cpu(struct vm *vm)
{
	return vm->cpu;
}

struct chr *vm_serial(struct vm *vm)
{
	return &vm->serial;
}

struct chr *vm_console(struct vm *vm)
{
	return &vm->console;
}

struct dev *vm_device(struct vm *vm, const char *name)
{
	for (unsigned i = 0; i < vm->nr_dev; i++)
		if (!strcmp(vm->dev[i]->name, name))
			return vm->dev[i];
	return NULL;
}

const struct load_result *vm_loaded(const struct vm *vm)
{
	return &vm->loaded;
}

void vm_set_pass_code(struct vm *vm, uint8_t want)
{
	vm->pass_code = want;
}

const char *vm_cpu_name(enum vm_cpu cpu)
{
	static const char *const names[VM_CPUS] = {
		[VM_CPU_SOFT] = "soft", [VM_CPU_KVM] = "kvm", [VM_CPU_SCRIPT] = "script"};

	return (unsigned)cpu < VM_CPUS ? names[cpu] : "?";
}

const char *vm_verdict_name(enum vm_verdict v)
{
	static const char *const names[] = {"pass", "fail", "error", "skip", "limit"};

	return (unsigned)v < ARRAY_SIZE(names) ? names[v] : "error";
}
