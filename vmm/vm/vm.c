/* SPDX-License-Identifier: MIT */
/* vm: a spec becomes a machine, and its end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm_priv.h"

#define GIB3	     (3ull << 30) /* RAM below ends here: devices live above */
#define GIB4	     (4ull << 30)
#define MIB1	     (1ull << 20)
#define TRACE_EVENTS 4096u

/* ---- memory ------------------------------------------------------------------------------------
 */

static bool is_linux(const struct load_req *req)
{
	enum load_kind kind = req->kind;

	if (!req->image.data)
		return false;
	if (kind == LOAD_AUTO)
		kind = load_detect(req->image.data, req->image.len);
	return kind == LOAD_ELF || kind == LOAD_BZIMAGE || kind == LOAD_PVH;
}

/* RAM below 4 GiB; a ROM takes its place from the RAM below 1 MiB, as on PCs. */
static int add_low(struct vm *vm, const struct vm_spec *spec, uint64_t len, struct err *err)
{
	uint64_t rom = align_up(load_rom_low(spec->load.image.len), GMEM_PAGE);
	int r;

	if (spec->load.kind != LOAD_ROM)
		return gmem_add(vm->mem, 0, len, GMEM_RAM, err);
	r = gmem_add(vm->mem, 0, MIB1 - rom, GMEM_RAM, err);
	if (!r && len > MIB1)
		r = gmem_add(vm->mem, MIB1, len - MIB1, GMEM_RAM, err);
	return r;
}

static int add_memory(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	uint64_t low, mem = spec->mem;
	int r;

	if (!mem)
		mem = vm->machine == VM_MACHINE_PC && is_linux(&spec->load) ? VM_MEM_LINUX
									    : VM_MEM_DEFAULT;
	if (mem % GMEM_PAGE || mem < VM_MEM_MIN || mem > GMEM_MAX)
		return err_set(err, -EINVAL,
			       "memory of %" PRIu64 " bytes (0x%" PRIx64 "): give a multiple of "
			       "4096 from 1 MiB to 64 GiB",
			       mem, mem);
	r = gmem_new(&vm->mem, err);
	if (r)
		return r;
	low = mem < GIB3 ? mem : GIB3;
	r = add_low(vm, spec, low, err);
	if (!r && mem > low)
		r = gmem_add(vm->mem, GIB4, mem - low, GMEM_RAM, err);
	return r;
}

static int open_disks(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	int r = 0;

	if (spec->nr_disks > VM_DISKS)
		return err_set(err, -EINVAL, "%u disks: at most %u", spec->nr_disks, VM_DISKS);
	for (unsigned i = 0; i < spec->nr_disks && !r; i++) {
		r = blk_open(&vm->disk[i], spec->disks[i], err);
		vm->nr_disks += !r;
	}
	/* -ENOENT means no KVM here. */
	return r == -ENOENT ? err_set(err, -EINVAL, "%s", err ? err->msg : "") : r;
}

static int open_nets(struct vm *vm, const struct vm_spec *spec, struct err *err)
{
	const struct net_env env = {.clock = &vm->clock, .input = vm->input};
	int r = 0;

	if (spec->nr_nets > VM_NETS)
		return err_set(err, -EINVAL, "%u networks: at most %u", spec->nr_nets, VM_NETS);
	for (unsigned i = 0; i < spec->nr_nets && !r; i++) {
		r = net_open(&vm->net[i], spec->nets[i], &env, err);
		vm->nr_nets += !r;
	}
	return r == -ENOENT ? err_set(err, -EINVAL, "%s", err ? err->msg : "") : r;
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
				 .want_rip = spec->want_rip,
				 .host_time = vm->host_time};
	int r;

	cfg.cpuid = x86_cpuid_template(vm_choose_model(vm, spec), &cfg.nr_cpuid);
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
	struct load_req req = spec->load;
	int r = 0;

	/* A ROM is the firmware: tables and the state of devices are its own to make. */
	if (vm->machine == VM_MACHINE_PC && !spec->no_platform && req.kind != LOAD_ROM)
		r = vm_firmware_tables(vm, spec, &req.rsdp, err);
	if (r)
		return r;
	if (req.image.data)
		return load_image(vm->mem, &req, &vm->loaded, s, err);
	x86_state_reset(s);
	return 0;
}

int vm_new(struct vm **out, const struct vm_spec *given, struct err *err)
{
	struct vm_spec seeded = *given;
	const struct vm_spec *const spec = &seeded;
	struct err own = {0};
	struct cpu_state state;
	struct vm *vm;
	size_t nr;
	int r;

	if (!err)
		err = &own; /* messages are built upon below */
	*out = NULL;
	if (spec->cpu_model && !x86_cpuid_template(spec->cpu_model, &nr))
		return err_set(err, -EINVAL, "CPU model '%.40s' is none of: base v1 v2",
			       spec->cpu_model);
	if ((unsigned)spec->machine >= VM_MACHINES)
		return err_set(err, -EINVAL, "machine %d: there is auto, test and pc",
			       (int)spec->machine);
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(err, -ENOMEM, "no memory for a machine (%zu bytes)", sizeof(*vm));
	vm->kind = spec->cpu;
	vm->machine = spec->machine;
	if (vm->machine == VM_MACHINE_AUTO)
		vm->machine = is_linux(&spec->load) ? VM_MACHINE_PC : VM_MACHINE_TEST;
	vm->finishes = spec->cpu == VM_CPU_KVM && !spec->no_finish;
	vm->host_time =
		spec->cpu == VM_CPU_KVM &&
		(spec->host_time || (vm->machine == VM_MACHINE_PC && is_linux(&spec->load)));
	vm->exit_ns = spec->cpu == VM_CPU_SOFT || vm->host_time ? 0 : VM_EXIT_NS;
	vm->track_dirty = spec->track_dirty;
	vm->time_exits = spec->time_exits;
	vm->hlt_resumes = spec->hlt_resumes || spec->cpu == VM_CPU_SCRIPT;
	vm->r.guest = -1;
	clock_init(&vm->clock);
	chr_init(&vm->console, NULL, 0);
	r = vm_open_input(vm, spec, &seeded.seed, err);
	if (!r)
		r = vm_open_chrs(vm, spec, err);
	if (r)
		goto fail;
	vm->tee = spec->tee;
	vm->tee_ctx = spec->tee_ctx;
	vm->serial.tee = vm->machine == VM_MACHINE_PC ? vm_hear_serial : spec->tee;
	vm->serial.tee_ctx = vm->machine == VM_MACHINE_PC ? vm : spec->tee_ctx;

	r = add_memory(vm, spec, err);
	if (r)
		goto fail;
	vm->trace = trace_new(spec->trace_events ? spec->trace_events : TRACE_EVENTS);
	vm->bus = vm->trace ? bus_new(vm->trace) : NULL;
	if (!vm->bus) {
		r = err_set(err, -ENOMEM, "no memory for the trace and the bus");
		goto fail;
	}
	trace_set_sources(vm->trace, &vm->clock.now, NULL);
	r = open_disks(vm, spec, err);
	r = r ? r : open_nets(vm, spec, err);
	if (!r && spec->vsock)
		r = vsock_peer_open(&vm->vsock, spec->vsock, vm->input, err);
	if (r)
		goto fail;
	r = vm_add_devices(vm, spec, err);
	if (r)
		goto fail;
	/* Before the CPU is made: a bad image is said to be bad on every host. */
	r = load(vm, spec, &state, err);
	if (r)
		goto fail;
	vm->boot_stack = state.gpr[X86_RSP];
	vm_prepare_time(vm);
	if (vm->machine == VM_MACHINE_PC && spec->load.kind != LOAD_ROM)
		vm_firmware(vm, &state);
	r = add_cpu(vm, spec, err);
	if (r)
		goto fail;
	r = vm->cpu->ops->set(vm->cpu, &state, err);
	if (!r)
		r = vm_start_input(vm, err);
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
	while (vm->nr_disks)
		blk_close(vm->disk[--vm->nr_disks]);
	free(vm->cmdline);
	bus_free(vm->bus);
	trace_free(vm->trace);
	gmem_free(vm->mem);
	/* It knows the back ends, which know nothing of it by then. */
	input_free(vm->input);
	vsock_peer_free(vm->vsock);
	while (vm->nr_nets)
		net_close(vm->net[--vm->nr_nets]);
	chr_fini(&vm->serial);
	chr_fini(&vm->console);
	while (vm->nr_chrs) {
		chr_fini(vm->chr[--vm->nr_chrs]);
		free(vm->chr[vm->nr_chrs]);
	}
	free(vm);
}

/* ---- the parts ---------------------------------------------------------------------------------
 */

enum vm_machine vm_machine(const struct vm *vm)
{
	return vm->machine;
}

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

struct blk *vm_disk(struct vm *vm, unsigned i)
{
	return i < vm->nr_disks ? vm->disk[i] : NULL;
}

struct net *vm_net(struct vm *vm, unsigned i)
{
	return i < vm->nr_nets ? vm->net[i] : NULL;
}

const struct load_result *vm_loaded(const struct vm *vm)
{
	return &vm->loaded;
}

void vm_set_pass_code(struct vm *vm, uint8_t want)
{
	vm->pass_code = want;
	vm->wants_code = true;
}

const char *vm_cpu_name(enum vm_cpu cpu)
{
	static const char *const names[VM_CPUS] = {
		[VM_CPU_SOFT] = "soft", [VM_CPU_KVM] = "kvm", [VM_CPU_SCRIPT] = "script"};

	return (unsigned)cpu < VM_CPUS ? names[cpu] : "?";
}

static const char *const machine_names[VM_MACHINES] = {
	[VM_MACHINE_AUTO] = "auto", [VM_MACHINE_TEST] = "test", [VM_MACHINE_PC] = "pc"};

const char *vm_machine_name(enum vm_machine machine)
{
	return (unsigned)machine < VM_MACHINES ? machine_names[machine] : "?";
}

int vm_machine_find(const char *name)
{
	for (int i = 0; i < VM_MACHINES; i++)
		if (!strcmp(name, machine_names[i]))
			return i;
	return -1;
}

const char *vm_verdict_name(enum vm_verdict v)
{
	static const char *const names[] = {"pass", "fail", "error", "skip", "limit"};

	return (unsigned)v < ARRAY_SIZE(names) ? names[v] : "error";
}
