/* SPDX-License-Identifier: MIT */
/* vm, private: the machine's struct and what its files call of each other. */
#ifndef VM_PRIV_H
#define VM_PRIV_H

#include <vmm/virtio_pci.h>
#include <vmm/vm.h>
#include <vmm/vsock_peer.h>

#define VM_PLATFORM 12u /* a machine's own devices at most, a PCI host bridge too */

/* What the CPU stopped for; seen to at the instruction's boundary, in this order. */
enum vm_pending {
	VM_P_CLOCK = 1u << 0, /* a timer re-arms itself for ever */
	VM_P_EXIT = 1u << 1,  /* the guest ended the run */
	VM_P_FAULT = 1u << 2, /* vm->fault says which */
	VM_P_OP = 1u << 3,    /* vm->op: a host operation */
	VM_P_DEBUG = 1u << 4, /* what is stepped or broken at has changed */
	VM_P_HLT = 1u << 5,   /* is there anything to wake it? */
	VM_P_EXITS = 1u << 6, /* as many exits as were asked for */
	VM_P_RESET = 1u << 7, /* the guest reset the machine */
	VM_P_OFF = 1u << 8,   /* the guest switched it off */
	VM_P_PANIC = 1u << 9, /* its kernel has panicked and waits for ever */
	VM_P_TIMER =
		1u << 10, /* host time: a timer is due before the CPU would come back for one */
	VM_P_INPUT = 1u << 11, /* input has something to say, or the run is to stop */
};

/* What a run changes beside its parts: plain data, kept whole by a snapshot. */
struct vm_run_state {
	bool ended; /* as result says; another run changes nothing */
	enum vm_verdict verdict;
	const char *end;
	char reason[240];
	int guest;
	uint64_t exits, finished;
	bool host_seen; /* something of the host reached the guest */
	uint32_t assert_line;
	uint64_t assert_got, assert_want;
	bool intr; /* INTR's level as the interrupt controller drives it */
	/* the PC's serial output: the line that is being sent, and what a panicking kernel said */
	char line[120], panic[120];
	unsigned line_len;
	/* armed host operations */
	bool restart_armed;
	uint64_t restart_entry;
	enum x86_mode restart_mode;
	unsigned skip; /* bytes; 0: not armed */
	uint64_t step_left, step_gpa, step_count;
	bool brk_armed, brk_over; /* over: its instruction is being stepped over */
	uint64_t brk_addr, brk_left, brk_gpa, brk_count;
	uint64_t window_left;
};

/* What the machine counts; no part of its state. */
struct vm_stats {
	uint64_t exit[CPU_EXIT_KINDS];
	uint64_t pio_size[8], mmio_size[16]; /* exits, by bytes of an access */
	struct stats_hist ns; /* host time that was spent on an exit, where asked for */
};

struct vm {
	struct gmem *mem;
	struct bus *bus;
	struct clock clock;
	struct trace *trace;
	struct cpu *cpu;
	struct input *input;
	struct chr serial, console;
	struct chr *chr[VM_CHRS];
	unsigned nr_chrs;
	const volatile int *stop; /* a signal wants the run to stop; NULL: none does */
	enum vm_machine machine;  /* TEST or PC */
	struct dev *dev[VM_PLATFORM + VM_DEVICES];
	unsigned nr_dev;
	struct blk *disk[VM_DISKS];
	unsigned nr_disks;
	struct net *net[VM_NETS];
	unsigned nr_nets;
	struct vsock_peer *vsock; /* NULL: a socket device's own services */
	struct vm_stats stats;
	bool time_exits;
	const struct vm_snap
		*disk_snap; /* what disks and networks can go back to; never dereferenced */
	struct dev *pic, *lapic, *ioapic, *testdev, *pci; /* in dev[] too; NULL: not there */
	bool has_pci;	  /* or will have, when all devices are there */
	char *cmdline;	  /* what fw-cfg tells */
	bool msr_refused; /* by the device that the access goes to */
	struct load_result loaded;
	uint64_t boot_stack; /* RSP at the start */
	enum vm_cpu kind;
	unsigned exit_ns;      /* virtual time that an exit takes */
	uint64_t icount_extra; /* of the CPU's count: not this machine's own past */
	bool track_dirty, hlt_resumes, finishes;
	bool input_done;    /* input knows how the run ended */
	bool host_time;	    /* the clock follows the host's */
	uint64_t host_base; /* the host's time when the clock was 0 */
	uint64_t back_at;   /* when the CPU comes back for a timer at the latest */
	uint64_t wall_end;  /* the host's time at which the run has to end; 0: none */
	uint8_t pass_code;
	bool wants_code; /* the guest is to pass by writing pass_code, not by switching off */
	/* who else hears the serial port */
	void (*tee)(void *ctx, const void *p, size_t len);
	void *tee_ctx;
	unsigned pending;   /* enum vm_pending */
	uint64_t exits_end; /* the count of exits at which to stop */
	struct cpu_exit fault;
	uint32_t op;
	uint64_t op_arg[4];
	struct vm_run_state r;
};

/* vm_run.c: what the CPU and the devices call (struct cpu_host, struct dev_host). */
enum cpu_answer vm_exit(void *ctx, struct cpu_exit *e);
int vm_ack(void *ctx);
void vm_guest_exit(void *ctx, uint8_t code);
void vm_guest_assert(void *ctx, uint32_t line, uint64_t got, uint64_t want);
void vm_want_hostop(void *ctx, uint32_t op, const uint64_t arg[4]);
void vm_intr(void *ctx, int level);
void vm_pic_intr(void *ctx, int level); /* the 8259's output where there is a local APIC */
bool vm_msi(void *ctx, uint64_t addr, uint32_t data);
void vm_eoi(void *ctx, unsigned vector);
void vm_line(void *ctx, unsigned line, int level); /* of the PC: 0 to 15 ISA's, 16 to 23 more */
void vm_refuse(void *ctx);
void vm_cr8(void *ctx, unsigned cr8);
void vm_send_nmi(void *ctx);
void vm_power(void *ctx, enum dev_power what);
/* vm_time.c: the clock of a machine that follows the host's. */
uint64_t vm_host_ns(void);
void vm_time_start(struct vm *vm, uint64_t wall_ms);
void vm_time_follow(struct vm *vm);
/* How many ms the CPU may run until a timer is due, at most (ms) of them; 0: no end. */
uint64_t vm_time_slice(struct vm *vm, uint64_t ms);
/* Sleep until INTR is up, or the run has to end. False: it never will be. */
bool vm_time_sleep(struct vm *vm);
/* vm_input.c: what comes from outside. */
int vm_open_input(struct vm *vm, const struct vm_spec *spec, uint64_t *seed, struct err *err);
int vm_open_chrs(struct vm *vm, const struct vm_spec *spec, struct err *err);
void vm_prepare_time(struct vm *vm); /* the devices are there, the CPU is not */
int vm_start_input(struct vm *vm, struct err *err);
/* The run has ended; at a boundary: what there is to say. */
void vm_finish_input(struct vm *vm);
void vm_see_to_input(struct vm *vm);
/*
 * The CPU waits for an interrupt; the host is waited for if there is live input. False: nothing can
 * come. True: the clock's next timer is what comes next, or vm->pending tells why not.
 */
bool vm_wait_input(struct vm *vm);
/* vm_panic.c: struct chr's tee; and the words of a kernel that panicked, or "". */
void vm_hear_serial(void *ctx, const void *p, size_t len);
void vm_add_panic(struct vm *vm, char *reason, size_t len);
/* The run ends thus; the first end counts. (end): a static word. */
void vm_end(struct vm *vm, enum vm_verdict verdict, const char *end, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* vm_machine.c: the spec's devices, in the machine that vm->machine says. */
int vm_add_devices(struct vm *vm, const struct vm_spec *spec, struct err *err);
/* Where the PC's parts are, as their models have it; and S5 in PM1_CNT's SLP_TYP. */
#define VM_LAPIC     0xfee00000u
#define VM_IOAPIC    0xfec00000u
#define VM_IOAPIC_ID 1u
#define VM_PM1_EVT   0x600u
#define VM_PM1_CNT   0x604u
#define VM_PM_TMR    0x608u
#define VM_PM_RESET  0x610u
#define VM_SLEEP_S5  5u
/* What BARs are assigned from; and PCI's interrupt lines: four of the PC's I/O APIC, one of the 8259. */
#define VM_PCI_IO	  0xc000u
#define VM_PCI_IO_LEN	  0x3000u
#define VM_PCI_MEMORY	  0xf0000000u
#define VM_PCI_MEMORY_LEN 0x0c000000u
#define VM_PCI_PIN	  20u
#define VM_PCI_IRQ	  15u
/* acpi.c, mptable.c: into memory below 1 MiB. */
int vm_acpi(struct vm *vm, uint64_t *rsdp, struct err *err);
int vm_mptable(struct vm *vm, const struct vm_spec *spec, struct err *err);
/* vm_firmware.c: what a PC's firmware leaves; first its tables, then, when the image is there, the rest. */
int vm_firmware_tables(struct vm *vm, const struct vm_spec *spec, uint64_t *rsdp, struct err *err);
void vm_firmware(struct vm *vm, struct cpu_state *s);
const char *vm_choose_model(const struct vm *vm, const struct vm_spec *spec);

/* vm_hostop.c */
void vm_hostop_run(struct vm *vm); /* vm->op, between two instructions */
/* The CPU failed: true if the guest had asked for something else than the end of the run. */
/* Does the guest wait for a failed emulation? */
bool vm_hostop_wants_failure(const struct vm *vm);
bool vm_hostop_fault(struct vm *vm, const struct cpu_exit *e);
void vm_hostop_debug(struct vm *vm, const struct cpu_exit *e); /* CPU_EXIT_DEBUG, in the exit */
int vm_hostop_arm_debug(struct vm *vm, struct err *err);
void vm_hostop_acked(struct vm *vm, int vector);

#endif
