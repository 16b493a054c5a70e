/* SPDX-License-Identifier: MIT */
/* The whole machine over scripted exits: streams, verdicts, reasons, time, limits. */
#include <vmm/testdev.h>

#include "test_vm.h"

/* Play it; the stream must be (want), or the script itself and `end` when (want) is NULL. */
static struct vm_result play(const char *text, const char *want)
{
	struct vm *vm = make_script(text);
	struct vm_result res;
	struct buf b = {0};

	stream_to(vm, &b);
	res = run_vm(vm, 0, 0);
	if (want)
		assert_string_equal(buf_str(&b), want);
	buf_free(&b);
	vm_free(vm);
	return res;
}

static void ends_by_exit(void **state)
{
	struct vm_result res = play("pio w 0xf4 1 0x0\n", "pio w 0xf4 1 0x0\nend exit\n");

	(void)state;
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(res.status, 0);
	assert_int_equal(res.guest, 0);
	assert_int_equal(res.exits, 1);
	assert_string_equal(res.reason, "debug-exit 0");
	assert_string_equal(res.end, "exit");
	assert_true(res.deterministic);
	assert_false(res.has_icount);

	res = play("pio w 0xf4 1 0x5\n", "pio w 0xf4 1 0x5\nend exit\n");
	assert_int_equal(res.verdict, VM_FAIL);
	assert_int_equal(res.status, 1);
	assert_int_equal(res.guest, 5);
	assert_string_equal(res.reason, "debug-exit 5");
}

static void pass_code(void **state)
{
	struct vm *vm = make_script("pio w 0xf4 1 0x21\n");
	struct vm_result res;

	(void)state;
	vm_set_pass_code(vm, 0x21);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_PASS);
	vm_free(vm);

	vm = make_script("pio w 0xf4 1 0x0\n");
	vm_set_pass_code(vm, 0x21);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.reason, "debug-exit 0, not 33");
	/* it has ended: nothing more happens */
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.exits, 1);
	assert_string_equal(res.reason, "debug-exit 0, not 33");
	vm_free(vm);
}

static void serial_and_console(void **state)
{
	struct vm *vm = make_script("pio w 0x3f8 1 0x48\npio w 0x3f8 1 0x69\npio r 0x3fd 1 0x60\n"
				    "pio w 0xe9 1 0x21\npio w 0xf4 1 0x0\n");
	struct vm_result res = run_vm(vm, 0, 0);

	(void)state;
	assert_int_equal(res.verdict, VM_PASS);
	assert_string_equal(buf_str(&vm_serial(vm)->out), "Hi");
	assert_string_equal(buf_str(&vm_console(vm)->out), "!");
	vm_free(vm);
}

static void tee_put(void *ctx, const void *p, size_t len)
{
	buf_put(ctx, p, len);
}

static void serial_input_and_tee(void **state)
{
	static const char text[] = "pio r 0x3fd 1 0x61\npio r 0x3f8 1 0x6f\npio w 0x3f8 1 0x6b\n";
	struct buf b = {0};
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT,
			       .script = text,
			       .script_len = sizeof(text) - 1,
			       .input = "o",
			       .input_len = 1,
			       .tee = tee_put,
			       .tee_ctx = &b};
	struct vm *vm = make_vm(&spec);
	struct vm_result res = run_vm(vm, 0, 0);

	(void)state;
	assert_int_equal(res.verdict, VM_PASS);
	assert_string_equal(res.end, "script");
	assert_string_equal(buf_str(&b), "k");
	buf_free(&b);
	vm_free(vm);
}

static void streams(void **state)
{
	(void)state;
	play("pio w 0x708 4 0x12345678\npio r 0x708 4 0x12345678\npio r 0x70a 2 0x1234\n"
	     "pio r 0x600 1 0xff\npio w 0x600 2 0x1\n"
	     "mmio w 0xfeb00000 8 0x1122334455667788\nmmio r 0xfeb00003 3 0x334455\n"
	     "mmio r 0xe0000000 8 0xffffffffffffffff\n"
	     "msr w 0x4b564d80 0xabcdef\nmsr r 0x4b564d80 0xabcdef\nmsr r 0x4b564d88 0x0 gp\n"
	     "msr w 0x4b564d88 0x7 gp\nhlt\n",
	     "pio w 0x708 4 0x12345678\npio r 0x708 4 0x12345678\npio r 0x70a 2 0x1234\n"
	     "pio r 0x600 1 0xff\npio w 0x600 2 0x1\n"
	     "mmio w 0xfeb00000 8 0x1122334455667788\nmmio r 0xfeb00003 3 0x334455\n"
	     "mmio r 0xe0000000 8 0xffffffffffffffff\n"
	     "msr w 0x4b564d80 0xabcdef\nmsr r 0x4b564d80 0xabcdef\nmsr r 0x4b564d88 0x0 gp\n"
	     "msr w 0x4b564d88 0x7 gp\nhlt\nend script\n");
	/* cut at the page's border, low address first; a read is put together again */
	play("mmio w 0xfeb00ffe 4 0xaabbccdd\nmmio r 0xfeafffff 4 0xffffffff\n",
	     "mmio w 0xfeb00ffe 2 0xccdd\nmmio w 0xfeb01000 2 0xaabb\n"
	     "mmio r 0xfeafffff 1 0xff\nmmio r 0xfeb00000 3 0x0\nend mismatch\n");
	/* signals and windows are not in it */
	assert_int_equal(play("intr\nhlt\nirq-window\n", "hlt\nend script\n").exits, 1);
}

static void split_read_is_joined(void **state)
{
	struct vm_result res =
		play("mmio w 0xfeb00000 2 0x1234\nmmio r 0xfeaffffe 4 0x1234ffff\n", NULL);

	(void)state;
	assert_int_equal(res.verdict, VM_PASS);
}

static void mismatch(void **state)
{
	struct vm_result res = play("pio w 0x700 1 0x7\npio r 0x700 1 0x8\n", NULL);

	(void)state;
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "mismatch");
	assert_non_null(strstr(res.reason, "line 2"));
	assert_non_null(strstr(res.reason, "0x8"));
	assert_non_null(strstr(res.reason, "0x7"));
}

static void faults(void **state)
{
	static const struct {
		const char *text, *stream, *reason;
		enum vm_verdict verdict;
	} rows[] = {
		{"shutdown\n", "shutdown\nend shutdown\n", "triple fault at 0xfff0", VM_FAIL},
		{"internal 1 d9 e8\n", "end emulation\n", "emulation failure at 0xfff0: fld1",
		 VM_FAIL},
		{"internal 3\n", "end internal\n", "suberror 3", VM_FAIL},
		{"fail-entry 0x80000021\n", "end fail-entry\n", "0x80000021", VM_FAIL},
		{"unknown 99\n", "end unknown\n", "99", VM_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vm_result res = play(rows[i].text, rows[i].stream);

		assert_int_equal(res.verdict, rows[i].verdict);
		assert_int_equal(res.status, rows[i].verdict == VM_FAIL ? 1 : 3);
		assert_int_equal(res.guest, -1);
		if (!strstr(res.reason, rows[i].reason))
			fail_msg("'%s' lacks '%s'", res.reason, rows[i].reason);
	}
}

/* Kinds that no script writes down: each ends with a line of its own. */
static void every_other_kind_ends(void **state)
{
	(void)state;
	for (int kind = 0; kind < CPU_EXIT_KINDS; kind++) {
		struct cpu_exit e = just((enum cpu_exit_kind)kind);
		struct vm_result res;
		struct mock m;
		struct vm *vm;

		if (kind == CPU_EXIT_PIO || kind == CPU_EXIT_MMIO || kind == CPU_EXIT_MSR ||
		    kind == CPU_EXIT_HLT)
			continue;
		vm = make_mock(&m, &e, 1);
		res = run_vm(vm, 0, 0);
		switch (kind) {
		case CPU_EXIT_DEBUG:
		case CPU_EXIT_INTR:
		case CPU_EXIT_IRQ_WINDOW:
		case CPU_EXIT_SET_TPR:
		case CPU_EXIT_BUS_LOCK:
			assert_string_equal(res.end, "script");
			break;
		case CPU_EXIT_TPR_ACCESS:
		case CPU_EXIT_IOAPIC_EOI:
		case CPU_EXIT_DIRTY_FULL:
		case CPU_EXIT_UNKNOWN:
		case CPU_EXIT_BAD:
			assert_int_equal(res.verdict, VM_ERROR);
			assert_string_equal(res.end, cpu_exit_name((enum cpu_exit_kind)kind));
			break;
		default:
			assert_int_equal(res.verdict, VM_FAIL);
			assert_string_equal(res.end, cpu_exit_name((enum cpu_exit_kind)kind));
		}
		vm_free(vm);
	}
}

static void strings_are_unrolled(void **state)
{
	uint8_t data[6] = {1, 2, 3, 4, 5, 6};
	struct cpu_exit e[2] = {just(CPU_EXIT_PIO), just(CPU_EXIT_PIO)};
	struct buf b = {0};
	struct mock m;
	struct vm *vm;

	(void)state;
	e[0].pio.port = 0x70c;
	e[0].pio.size = 2;
	e[0].pio.write = true;
	e[0].pio.count = 3;
	e[0].pio.data = data;
	e[1] = e[0];
	e[1].pio.write = false;
	vm = make_mock(&m, e, 2);
	stream_to(vm, &b);
	run_vm(vm, 0, 0);
	assert_string_equal(buf_str(&b), "pio w 0x70c 2 0x201\npio w 0x70c 2 0x403\n"
					 "pio w 0x70c 2 0x605\npio r 0x70c 2 0x605\n"
					 "pio r 0x70c 2 0x605\npio r 0x70c 2 0x605\nend script\n");
	/* time goes with the lines, not with the exits */
	assert_int_equal(clock_now(vm_clock(vm)), 6 * VM_EXIT_NS);
	assert_memory_equal(data, "\x05\x06\x05\x06\x05\x06", 6);
	buf_free(&b);
	vm_free(vm);
}

static void first_exit_byte_counts(void **state)
{
	uint8_t data[3] = {7, 0, 9};
	struct cpu_exit e = just(CPU_EXIT_PIO);
	struct vm_result res;
	struct mock m;
	struct vm *vm;

	(void)state;
	e.pio.port = VM_DEBUG_EXIT;
	e.pio.size = 1;
	e.pio.write = true;
	e.pio.count = 3;
	e.pio.data = data;
	vm = make_mock(&m, &e, 1);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.guest, 7);
	vm_free(vm);
}

static void assertions(void **state)
{
	struct vm_result res = play("mmio w 0xfeb00068 8 0x11\nmmio w 0xfeb00070 8 0x22\n"
				    "mmio w 0xfeb00060 4 42\nmmio w 0xfeb00068 8 0x33\n"
				    "mmio w 0xfeb00060 4 43\npio w 0xf4 1 1\n",
				    NULL);

	(void)state;
	assert_int_equal(res.verdict, VM_FAIL);
	assert_int_equal(res.assert_line, 42);
	assert_int_equal(res.assert_got, 0x11);
	assert_int_equal(res.assert_want, 0x22);
	assert_string_equal(res.reason, "debug-exit 1: assertion in line 42: got 0x11, want 0x22");
}

static void budget(void **state)
{
	struct vm *vm = make_script("hlt\nhlt\nhlt\npio w 0xf4 1 0\n");
	struct vm_result res = run_vm(vm, 2, 0);

	(void)state;
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_int_equal(res.status, 5);
	assert_string_equal(res.end, "limit");
	assert_string_equal(res.reason, "limit: 2 exits");
	assert_int_equal(res.exits, 2);
	assert_true(res.deterministic);
	/* it goes on where it was */
	res = run_vm(vm, 2, 0);
	assert_int_equal(res.verdict, VM_PASS);
	assert_int_equal(res.exits, 4);
	vm_free(vm);
}

static void interrupts(void **state)
{
	/* PIC set up by the book, line 10 open; the test device raises it by its timer over HLT */
	struct vm_result res =
		play("pio w 0x20 1 0x11\npio w 0xa0 1 0x11\npio w 0x21 1 0x20\npio w 0xa1 1 0x28\n"
		     "pio w 0x21 1 0x4\npio w 0xa1 1 0x2\npio w 0x21 1 0x1\npio w 0xa1 1 0x1\n"
		     "pio w 0x21 1 0xfb\npio w 0xa1 1 0xfb\n"
		     "mmio w 0xfeb00160 8 0x100000\nhlt\nexpect-int 0x2a\n"
		     "mmio r 0xfeb00168 4 0x1\npio w 0xf4 1 0\n",
		     NULL);

	(void)state;
	assert_string_equal(res.reason, "debug-exit 0");
}

/* ---- HLT, on a machine that asks the CPU -------------------------------------------------------- */

static void set_up_pic(struct vm *vm)
{
	static const struct {
		uint16_t port;
		uint8_t val;
	} rows[] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28}, {0x21, 4},
		    {0xa1, 2},	  {0x21, 1},	{0xa1, 1},    {0x21, 0xfb}, {0xa1, 0xfb}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(bus_write(vm->bus, BUS_PIO, rows[i].port, 1, rows[i].val), 0);
}

static void hlt_with_interrupts_off(void **state)
{
	struct cpu_exit e[] = {just(CPU_EXIT_HLT), just(CPU_EXIT_SHUTDOWN)};
	struct vm_result res;
	struct buf b = {0};
	struct mock m;
	struct vm *vm = make_mock(&m, e, 2);

	(void)state;
	stream_to(vm, &b);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_FAIL);
	assert_string_equal(res.end, "hlt");
	assert_string_equal(res.reason,
			    "halted with nothing to wake it at 0x100000: interrupts are off");
	assert_string_equal(buf_str(&b), "hlt\nend hlt\n");
	buf_free(&b);
	vm_free(vm);
}

static void hlt_without_timer(void **state)
{
	struct cpu_exit e = just(CPU_EXIT_HLT);
	struct vm_result res;
	struct mock m;
	struct vm *vm = make_mock(&m, &e, 1);

	(void)state;
	m.state.rflags |= X86_FLAG_IF;
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.reason,
			    "halted with nothing to wake it at 0x100000: no interrupt can come");
	vm_free(vm);

	/* a timer whose interrupt is masked does not wake it either */
	vm = make_mock(&m, &e, 1);
	m.state.rflags |= X86_FLAG_IF;
	assert_int_equal(bus_write(vm->bus, BUS_PIO, 0xa1, 1, 0xff), 0);
	assert_int_equal(bus_write(vm->bus, BUS_MMIO, 0xfeb00160, 8, 5000), 0);
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.end, "hlt");
	vm_free(vm);
}

static void hlt_skips_to_the_timer(void **state)
{
	struct cpu_exit e = just(CPU_EXIT_HLT);
	struct vm_result res;
	struct mock m;
	struct vm *vm = make_mock(&m, &e, 1);

	(void)state;
	m.state.rflags |= X86_FLAG_IF;
	set_up_pic(vm);
	assert_int_equal(bus_write(vm->bus, BUS_MMIO, 0xfeb00160, 8, 5000000), 0);
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.end, "script");
	assert_int_equal(clock_now(vm_clock(vm)), 5000000);
	assert_true(m.line);
	assert_int_equal(vm_ack(vm), 0x2a);
	vm_free(vm);
}

static void hlt_woken_by_line_or_nmi(void **state)
{
	struct cpu_exit e = just(CPU_EXIT_HLT);
	struct vm_result res;
	struct mock m;
	struct vm *vm = make_mock(&m, &e, 1);

	(void)state;
	m.state.rflags |= X86_FLAG_IF;
	set_up_pic(vm);
	pic_set(vm->pic, 10, 1);
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.end, "script");
	vm_free(vm);

	vm = make_mock(&m, &e, 1);
	m.state.nmi_pending = true;
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.end, "script");
	vm_free(vm);

	vm = make_mock(&m, &e, 1);
	vm->hlt_resumes = true;
	res = run_vm(vm, 0, 0);
	assert_string_equal(res.end, "script");
	vm_free(vm);

	vm = make_mock(&m, &e, 1);
	m.get_error = -EIO;
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_ERROR);
	assert_string_equal(res.reason, "cannot read the CPU's state at HLT: KVM_GET_REGS: no");
	vm_free(vm);
}

static void host_failures(void **state)
{
	struct vm_result res;
	struct mock m;
	struct vm *vm = make_mock(&m, NULL, 0);

	(void)state;
	m.fail = true;
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_ERROR);
	assert_int_equal(res.status, 3);
	assert_string_equal(res.end, "error");
	assert_string_equal(res.reason, "KVM_RUN: Input/output error");
	vm_free(vm);
}

static void rearm(void *ctx, uint64_t now)
{
	struct clock_timer *t = ((void **)ctx)[1];

	clock_arm(((void **)ctx)[0], t, now);
}

static void timer_without_end(void **state)
{
	struct clock_timer t;
	void *ctx[2];
	struct vm_result res;
	struct vm *vm = make_script("hlt\nhlt\n");

	(void)state;
	ctx[0] = vm_clock(vm);
	ctx[1] = &t;
	clock_timer_init(&t, rearm, ctx);
	clock_arm(vm_clock(vm), &t, 500);
	res = run_vm(vm, 0, 0);
	assert_int_equal(res.verdict, VM_ERROR);
	assert_non_null(strstr(res.reason, "re-arms itself"));
	clock_cancel(vm_clock(vm), &t);
	vm_free(vm);
}

/* ---- devices and bad specs ---------------------------------------------------------------------- */

static void devices(void **state)
{
	static const char *const list[] = {"virtio-rng", "virtio-rng",
					   "virtio-rng,irq=3,base=0xd1000000",
					   "uart,base=0x2f8,irq=3"};
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT,
			       .script = "",
			       .devices = list,
			       .nr_devices = ARRAY_SIZE(list)};
	struct vm *vm = make_vm(&spec);
	struct dev *d;

	(void)state;
	d = vm_device(vm, "virtio-rng0");
	assert_non_null(d);
	assert_int_equal(d->range[0].base, VM_VIRTIO);
	assert_int_equal(d->irq_line, 5);
	d = vm_device(vm, "virtio-rng1");
	assert_non_null(d);
	assert_int_equal(d->range[0].base, VM_VIRTIO + 0x200);
	assert_int_equal(d->irq_line, 6);
	d = vm_device(vm, "virtio-rng2");
	assert_non_null(d);
	assert_int_equal(d->range[0].base, 0xd1000000);
	assert_int_equal(d->irq_line, 3);
	d = vm_device(vm, "uart1");
	assert_non_null(d);
	assert_int_equal(d->range[0].base, 0x2f8);
	assert_int_equal(vm_device(vm, "uart0")->range[0].base, VM_COM1);
	assert_int_equal(vm_device(vm, "uart0")->irq_line, VM_COM1_IRQ);
	assert_int_equal(vm_device(vm, "testdev0")->range[0].base, VM_TESTDEV_PIO);
	assert_int_equal(vm_device(vm, "testdev0")->range[1].base, VM_TESTDEV_MMIO);
	assert_int_equal(vm_device(vm, "testdev0")->irq_line, VM_TESTDEV_IRQ);
	assert_int_equal(vm_device(vm, "debug-exit0")->range[0].base, VM_DEBUG_EXIT);
	assert_int_equal(vm_device(vm, "debugcon0")->range[0].base, VM_DEBUGCON);
	assert_null(vm_device(vm, "uart2"));
	/* the seeds differ */
	assert_true(vm_device(vm, "virtio-rng0")->env.seed !=
		    vm_device(vm, "virtio-rng1")->env.seed);
	vm_free(vm);
}

static void no_platform(void **state)
{
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT,
			       .script = "pio r 0x3fd 1 0xff\npio w 0xf4 1 0\n",
			       .script_len = 34,
			       .no_platform = true};
	struct vm *vm = make_vm(&spec);
	struct vm_result res = run_vm(vm, 0, 0);

	(void)state;
	assert_string_equal(res.end, "script");
	assert_int_equal(res.exits, 2);
	assert_int_equal(vm_ack(vm), -1);
	vm_free(vm);
}

static void expect_bad(struct vm_spec *spec, int code, const char *word)
{
	struct err err = {0};
	struct vm *vm = (struct vm *)&err;
	int r;

	if (!spec->script)
		spec->script = "";
	r = vm_new(&vm, spec, &err);
	assert_int_equal(r, code);
	assert_null(vm);
	if (!strstr(err.msg, word))
		fail_msg("'%s' lacks '%s'", err.msg, word);
	assert_int_equal(vm_new(&vm, spec, NULL), code);
	assert_null(vm);
}

static void bad_specs(void **state)
{
	static const uint64_t mems[] = {
		1,	    4095,      4096, VM_MEM_MIN - 4096, VM_MEM_MIN + 1, GMEM_MAX + 4096,
		1ull << 40, UINT64_MAX};
	static const char *const devs[] = {"nonsense",
					   "uart,base",
					   "uart,base=x",
					   "uart,speed=1",
					   "virtio-rng,irq=99",
					   "uart,base=0x3f8",
					   "",
					   ","};
	static const char *const six[] = {"virtio-rng", "virtio-rng", "virtio-rng",
					  "virtio-rng", "virtio-rng", "virtio-rng"};
	const char *const many[VM_DEVICES + 1] = {"virtio-rng"};
	char longer[600];
	const char *one = longer;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mems); i++) {
		struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .mem = mems[i]};

		expect_bad(&spec, -EINVAL, "1 MiB to 64 GiB");
	}
	for (size_t i = 0; i < ARRAY_SIZE(devs); i++) {
		struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .devices = &devs[i], .nr_devices = 1};

		expect_bad(&spec, -EINVAL, "device");
	}
	{
		struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .devices = six, .nr_devices = 6};

		expect_bad(&spec, -EINVAL, "irq=");
		spec.devices = many;
		spec.nr_devices = VM_DEVICES + 1;
		expect_bad(&spec, -EINVAL, "at most 16");
		memset(longer, 'a', sizeof(longer) - 1);
		longer[sizeof(longer) - 1] = '\0';
		memcpy(longer, "virtio-", 7);
		spec.devices = &one;
		spec.nr_devices = 1;
		expect_bad(&spec, -EINVAL, "device");
	}
	{
		struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .script = "hlt\nbogus\n"};

		spec.script_len = strlen(spec.script);
		expect_bad(&spec, -EINVAL, "line 2");
		spec.cpu = (enum vm_cpu)9;
		expect_bad(&spec, -EINVAL, "CPU 9");
	}
}

static void bad_images(void **state)
{
	static const uint8_t code[] = {0xf4};
	struct vm_spec spec = flat_spec(code, 0, X86_LONG);
	struct err err = {0};
	struct vm *vm;
	int r;

	(void)state;
	spec.cpu = VM_CPU_SCRIPT;
	spec.script = "";
	r = vm_new(&vm, &spec, &err); /* empty */
	assert_true(r == -ENOEXEC || r == -EINVAL);
	assert_true(err.msg[0]);
	spec.load.image.len = 1;
	spec.load.base = 1ull << 40;
	r = vm_new(&vm, &spec, &err); /* beyond RAM */
	assert_true(r == -E2BIG || r == -EINVAL);
	assert_null(vm);
	spec.load.base = 0x100000;
	spec.load.kind = LOAD_BZIMAGE;
	assert_int_equal(vm_new(&vm, &spec, &err), -ENOEXEC);
	assert_null(vm);
}

static void memory_sizes(void **state)
{
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT, .script = ""};
	struct gmem_region r;
	struct vm *vm = make_vm(&spec);

	(void)state;
	assert_int_equal(gmem_ram_size(vm_mem(vm)), VM_MEM_DEFAULT);
	vm_free(vm);
	spec.mem = VM_MEM_MIN;
	vm = make_vm(&spec);
	assert_int_equal(gmem_ram_size(vm_mem(vm)), VM_MEM_MIN);
	vm_free(vm);
	/* from 3 GiB on it goes on at 4 GiB */
	spec.mem = 5ull << 30;
	vm = make_vm(&spec);
	assert_true(gmem_region(vm_mem(vm), 1, &r));
	assert_int_equal(r.gpa, 4ull << 30);
	assert_int_equal(r.len, 2ull << 30);
	vm_free(vm);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(vm_verdict_name(VM_PASS), "pass");
	assert_string_equal(vm_verdict_name(VM_FAIL), "fail");
	assert_string_equal(vm_verdict_name(VM_ERROR), "error");
	assert_string_equal(vm_verdict_name(VM_SKIP), "skip");
	assert_string_equal(vm_verdict_name(VM_LIMIT), "limit");
	assert_string_equal(vm_verdict_name((enum vm_verdict)77), "error");
	vm_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_by_exit),
		cmocka_unit_test(pass_code),
		cmocka_unit_test(serial_and_console),
		cmocka_unit_test(serial_input_and_tee),
		cmocka_unit_test(streams),
		cmocka_unit_test(split_read_is_joined),
		cmocka_unit_test(mismatch),
		cmocka_unit_test(faults),
		cmocka_unit_test(every_other_kind_ends),
		cmocka_unit_test(strings_are_unrolled),
		cmocka_unit_test(first_exit_byte_counts),
		cmocka_unit_test(assertions),
		cmocka_unit_test(budget),
		cmocka_unit_test(interrupts),
		cmocka_unit_test(hlt_with_interrupts_off),
		cmocka_unit_test(hlt_without_timer),
		cmocka_unit_test(hlt_skips_to_the_timer),
		cmocka_unit_test(hlt_woken_by_line_or_nmi),
		cmocka_unit_test(host_failures),
		cmocka_unit_test(timer_without_end),
		cmocka_unit_test(devices),
		cmocka_unit_test(no_platform),
		cmocka_unit_test(bad_specs),
		cmocka_unit_test(bad_images),
		cmocka_unit_test(memory_sizes),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("vm_script", tests, NULL, NULL);
}
