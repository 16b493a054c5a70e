/* SPDX-License-Identifier: MIT */
/*
 * vm: the only composition root: a spec becomes a machine (memory, bus, clock, devices, one CPU),
 * which runs, stops at instruction boundaries, is saved and restored.
 *
 * Guarantees: two machines live in one process; one event loop, no threads; time is virtual: under
 * soft an instruction is 1 ns; under kvm and script each line of the canonical stream adds
 * VM_EXIT_NS, so that it does not matter how KVM batches string I/O; HLT with interrupts on skips
 * to the next timer.
 * Every result says how the run ended in one of the verdicts below; nothing hangs when a limit is
 * given. The caller promises: the spec's strings and images outlive vm_new() only.
 * Who frees: vm_free(), vm_snap_free().
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <vmm/base.h>
#include <vmm/bus.h>
#include <vmm/chr.h>
#include <vmm/clock.h>
#include <vmm/cpu.h>
#include <vmm/dev.h>
#include <vmm/gmem.h>
#include <vmm/load.h>
#include <vmm/net.h>
#include <vmm/trace.h>
#include <vmm/x86.h>

#define VM_EXIT_NS     1000u /* virtual time an exit adds on kvm and script */
#define VM_MEM_DEFAULT (16ull << 20)
#define VM_MEM_LINUX   (256ull << 20) /* the default for a Linux kernel on the PC */
#define VM_MEM_MIN     (1ull << 20)
#define VM_DEVICES     16
#define VM_DISKS       8
#define VM_CHRS	       8
#define VM_NETS	       8

enum vm_cpu { VM_CPU_SOFT, VM_CPU_KVM, VM_CPU_SCRIPT, VM_CPUS };
/* "soft", "kvm", "script" */
const char *vm_cpu_name(enum vm_cpu cpu);

/*
 * What is around the CPU. TEST: pic, uart, debugcon, debug-exit, testdev, and a local APIC where the
 * CPU model has one. PC: lapic, ioapic, pic, pit, rtc, i8042, acpi-pm, fw-cfg, uart, debugcon,
 * debug-exit, with ACPI tables and an MP table. AUTO: PC for a Linux kernel (bzImage, ELF64, PVH),
 * else TEST.
 */
enum vm_machine { VM_MACHINE_AUTO, VM_MACHINE_TEST, VM_MACHINE_PC, VM_MACHINES };
/* "auto", "test", "pc"; the machine by its name, or -1 */
const char *vm_machine_name(enum vm_machine machine);
int vm_machine_find(const char *name);

struct vm_spec {
	enum vm_cpu cpu;
	enum vm_machine machine;
	/*
	 * The CPUID template, x86_cpuid_template(); NULL: "base", on the PC VM_PC_MODEL. The PC's must
	 * have a local APIC.
	 */
	const char *cpu_model;
	const char *script; /* VM_CPU_SCRIPT: the text, script_len bytes */
	size_t script_len;
	uint64_t
		mem; /* bytes of RAM from 0 up (from 3 GiB on continued at 4 GiB); 0: the default */
	uint64_t seed;
	const char *const
		*devices; /* "virtio-rng,base=0xd0000000,irq=5", ... beside the platform */
	/*
	 * One whose class ends in -pci ("virtio-blk-pci,disk=0,slot=3") makes a PCI bus appear, as "pci-host"
	 * alone does: BARs are assigned, unless a ROM does so, decoding is on, bus mastering off.
	 */
	unsigned nr_devices;
	const char *const *disks; /* blk_open()'s text: "mem:16M", "FILE,ro", ... */
	unsigned nr_disks;
	const char *const *chrs; /* chr_open()'s text: "buf:TEXT", "pty", ... */
	unsigned nr_chrs;
	const char *const *nets; /* net_open()'s text: "loop", "user", "pcap:FILE", ... */
	unsigned nr_nets;
	const char *vsock;  /* vsock_peer_open()'s text: "echo" (NULL too), "unix:PATH" */
	const char *serial; /* the same, for the serial port; NULL: (input), and a buffer */
	/*
	 * What comes from outside is recorded in this file, which is there when the machine is gone, or
	 * comes from such a file, with the seed. Not on kvm (-ENOTSUP): there time goes by exits, which the
	 * host has a part in. Where live input is not recorded, a run on kvm follows the host's time.
	 */
	const char *record, *replay;
	bool no_platform;     /* none of the machine's devices */
	struct load_req load; /* image.data NULL: nothing is loaded, the CPU starts at reset */
	const void *input;    /* what the serial port receives */
	size_t input_len;
	void (*tee)(void *ctx, const void *p,
		    size_t len); /* serial output as it comes; may be NULL */
	void *tee_ctx;
	unsigned trace_events; /* size of the ring; 0: 4096 */
	bool track_dirty;      /* snapshots are wanted */
	bool want_rip;	       /* RIP in every trace event; costs a little on kvm */
	bool no_finish;	       /* kvm: a failed emulation ends the run, soft does not finish it */
	/*
	 * kvm: time is the host's, so that a guest can wait by spinning; the run does not repeat. A Linux
	 * kernel on the PC has it always.
	 */
	bool host_time;
	bool time_exits;  /* the host's time spent on each exit is counted, for vm_metrics() */
	bool hlt_resumes; /* HLT with nothing to wake it goes on: benches. script always does */
};

/* The platform's addresses. The virtio-mmio window of device n (0..) is at VM_VIRTIO + n * 0x200.
 */
#define VM_COM1		0x3f8u
#define VM_COM1_IRQ	4u
#define VM_DEBUGCON	0xe9u
#define VM_DEBUG_EXIT	0xf4u
#define VM_TESTDEV_PIO	0x700u	    /* 0x20 bytes */
#define VM_TESTDEV_MMIO 0xfeb00000u /* 0x1000 bytes */
#define VM_TESTDEV_IRQ	10u
#define VM_VIRTIO	0xd0000000u
#define VM_VIRTIO_IRQ	5u /* of the first, then 6, 7, 9 (PC: 10), 11; on the PC then 16 to 23 (19) */
#define VM_PC_MODEL	"v2"

/*
 * The test device's host operations: what a guest asks the machine to do with its CPU and memory
 * at the next instruction boundary. Arguments a0..a3 and the result are registers of the test
 * device. The result is 0, a count, or a negative errno.
 */
enum vm_hostop {
	VM_OP_NONE,
	VM_OP_SET_REG,	 /* a0 enum x86_gpr (16: rip, 17: rflags), a1 value: through ops->set */
	VM_OP_GET_REG,	 /* a0 as above: the value is the result */
	VM_OP_BAD_STATE, /* a0 which rule to break (enum vm_bad_state): result -EINVAL when refused
			    and the state is unchanged, 0 when it was accepted (and then undone) */
	VM_OP_STEP,  /* a0 n: report the next n instructions' pc and dr6 as pairs of u64 to gpa a1;
			the result counts them as they come (-EFAULT: no RAM there) */
	VM_OP_BREAK, /* a0 address (0: none): one pair to gpa a1 at each execution, a2 at most;
			when it is taken away (a0 0) the result is how many there were */
	VM_OP_MEM_REMOVE,  /* a0 gpa of the region */
	VM_OP_MEM_ADD,	   /* a0 gpa, a1 len (at most 64 MiB), a2 0 RAM, 1 ROM */
	VM_OP_ON_SHUTDOWN, /* a0 entry, a1 enum x86_mode: at the next SHUTDOWN, failed emulation,
			      other internal error or failed entry, once, the CPU starts there anew
			      by x86_boot() (which writes its tables) instead of the run ending;
			      there AX is the back end's exit reason (KVM_EXIT_*) and DX its
			      suberror
			    */
	VM_OP_ZERO_STATE,  /* all registers zero: what does the back end make of it? */
	VM_OP_NMI,	   /* an NMI at the boundary */
	VM_OP_IRQ_WINDOW,  /* a0 n: the test interrupt, when the guest next can take it, n times:
			      each is asserted when the one before was taken */
	VM_OP_SKIP, /* a0 n: at the next failed emulation skip n bytes instead of ending, once */
	VM_OP_SAVE_LOAD, /* save and load devices and CPU state through their tables, right here */
	VM_OP_PROBE,	 /* a0 hash64(0, name) of a doctor probe: 1 the host has it, 0 not */
	VM_OPS
};
enum vm_bad_state {
	VM_BAD_PG_WITHOUT_PE,
	VM_BAD_NW_WITHOUT_CD,
	VM_BAD_CR0_HIGH,
	VM_BAD_CR4_RESERVED,
	VM_BAD_EFER_RESERVED,
	VM_BAD_LMA_WITHOUT_PG,
	VM_BAD_STATES
};

struct vm_limits {
	uint64_t budget;  /* instructions on soft, exits on kvm and script; 0: none */
	uint64_t wall_ms; /* host time; 0: none */
	uint64_t exits;	  /* exits, whatever the back end counts; 0: none */
	/* set by a signal's handler: a machine with live input stops soon; NULL: none */
	const volatile int *stop;
};

enum vm_verdict { VM_PASS, VM_FAIL, VM_ERROR, VM_SKIP, VM_LIMIT };
/* "pass", "fail", "error", "skip", "limit" */
const char *vm_verdict_name(enum vm_verdict v);

struct vm_result {
	enum vm_verdict verdict;
	int status; /* the process's: 0 pass, 1 fail, 3 error, 4 skip, 5 limit */
	int guest;  /* the byte written to 0xf4, or -1 */
	uint64_t exits;
	bool has_icount;
	uint64_t finished; /* instructions that soft has run for KVM; they are no exits */
	uint64_t icount;   /* instructions since vm_new(); a snapshot brings its own back */
	bool deterministic;
	/* the first failed assertion, from the test device; line 0: none */
	uint32_t assert_line;
	uint64_t assert_got, assert_want;
	char reason[240]; /* one line: "debug-exit 0", "triple fault at 0x1003", ... */
	const char *end;  /* the word of TRACE_END: "exit", "shutdown", "hlt", "limit", ... */
};

struct vm;
struct vm_snap;

/*
 * 0, or: -ENOENT, -EACCES (no KVM), -EINVAL (spec: named), -ENOEXEC, -E2BIG (image), -ENOMEM.
 * mem of 0x1 byte or 1 TiB: -EINVAL with the limits.
 */
int vm_new(struct vm **out, const struct vm_spec *spec, struct err *err);
void vm_free(struct vm *vm); /* a recording that is not closed is not made */
/* The run is over: its recording becomes a file. Nothing without one. -errno of the writing. */
int vm_close_record(struct vm *vm, struct err *err);

/*
 * Run until the guest ends it, fails, or a limit is reached; may be called again after VM_LIMIT.
 * A guest passes when it writes (want) (vm_set_pass_code, default 0) to 0xf4; any other byte, a
 * triple fault, HLT with nothing to wake it, a failed emulation, a reset is VM_FAIL. A guest that
 * switches the PC off passes too, unless vm_set_pass_code() said that a byte is wanted. A Linux
 * kernel's panic on the PC's serial port is quoted in the reason, and ends the run (VM_FAIL, "panic")
 * when the kernel says that it will wait for ever. 0 always: *res tells.
 */
int vm_run(struct vm *vm, const struct vm_limits *lim, struct vm_result *res);
void vm_set_pass_code(struct vm *vm, uint8_t want);

/*
 * A snapshot (track_dirty, else -EINVAL) and back to it. Disks and networks go back too, to the newest
 * snapshot only: restoring an older one of a machine with some is -EINVAL, and -ENOTSUP is a snapshot of one
 * whose changes go to a file, or one with live input, which does not come again; in replay it does. Restoring forgets the trace: the stream is
 * that of the run since. A script is not part of the machine: it goes on where it stands.
 * -EINVAL: memory regions were added or removed since. After any failure of
 * vm_restore() the machine is good for vm_free() only.
 */
int vm_snap(struct vm *vm, struct vm_snap **out, struct err *err);
int vm_restore(struct vm *vm, const struct vm_snap *s, struct err *err);
void vm_snap_free(struct vm_snap *s);

/*
 * hash64 over, in this order: the CPU state table (cpu_state_table), gmem_hash(), dev_hash() of
 * each device in order of attachment, clock. Equal for every compiler and host.
 */
int vm_hash(struct vm *vm, uint64_t *hash, struct err *err);

/*
 * hash64 over what every back end that runs a guest must leave in the same way at the end of one and
 * the same run: the general registers, RIP, RFLAGS but RF, and RAM. Not the time, nor what moves with it.
 */
int vm_state_hash(struct vm *vm, uint64_t *hash, struct err *err);

/*
 * What was counted since vm_new() (snapshots and resets change nothing of it), as JSON lines in the form
 * of stats.h; and the names that there can be, for people. Appended; check out->failed. Host time is in
 * it only where spec.time_exits asked for it; all else repeats where the run does.
 */
void vm_metrics(struct vm *vm, struct buf *out);
void vm_metrics_list(struct buf *out);

/* The parts, for tools: borrowed, live as long as the vm. */
enum vm_machine vm_machine(const struct vm *vm); /* TEST or PC */
struct gmem *vm_mem(struct vm *vm);
struct bus *vm_bus(struct vm *vm);
struct clock *vm_clock(struct vm *vm);
struct trace *vm_trace(struct vm *vm);
struct cpu *vm_cpu(struct vm *vm);
struct chr *vm_serial(struct vm *vm);			/* what COM1 sent */
struct chr *vm_console(struct vm *vm);			/* what 0xe9 got */
struct dev *vm_device(struct vm *vm, const char *name); /* by instance name "uart0" or NULL */
struct dev *vm_device_at(struct vm *vm,
			 unsigned i); /* the (i)-th in order of attachment, NULL past the end */
struct input *vm_input(struct vm *vm);
struct net *vm_net(struct vm *vm, unsigned i);	/* likewise of the networks */
struct chr *vm_chr(struct vm *vm, unsigned i);	/* likewise of the character back ends */
struct blk *vm_disk(struct vm *vm, unsigned i); /* the (i)-th of the spec's, NULL past the end */
const struct load_result *vm_loaded(const struct vm *vm);

/* ---- what the host has: run-time probes, by name -----------------------------------------------
 */

struct vm_probe {
	const char *name;    /* "kvm", "kvm-int-n-cpl0", "x87-cpl0", ... */
	const char *what;    /* one line for people: what is true when it holds */
	const char *way_out; /* what to do when it does not; may be NULL */
};
/* All probes there are, sorted by name; ends with name NULL. */
extern const struct vm_probe vm_probes[];

/*
 * Run the named probe on this host now (each takes a few ms): 1 yes, 0 no (*why says what was
 * seen, at most why_len), -ENOENT no such probe. Probes run a few instructions in a throw-away VM;
 * those that may hang end by a wall-clock limit.
 */
int vm_probe_run(const char *name, char *why, size_t why_len);
/* Is it asked of KVM? On soft such a probe counts as holding. */
bool vm_probe_of_kvm(const char *name);

#endif
