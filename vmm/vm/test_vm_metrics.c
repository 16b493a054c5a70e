/* SPDX-License-Identifier: MIT */
/* vm_metrics(): what a run counts, that nothing of it is state, and that it repeats. */
#include "test_vm.h"

#include <stdlib.h>

static const char script[] = "pio w 0xe9 1 0x41\n"
			     "pio r 0x3f9 1 0x0\n"
			     "mmio r 0xd0000000 4 0x74726976\n"
			     "mmio w 0xd0000050 4 0x0\n"
			     "mmio r 0xd0000001 1 0x0\n"
			     "mmio r 0xe0000000 8 0xffffffffffffffff\n"
			     "pio w 0xf4 1 0x0\n";

static struct vm *machine(bool timed)
{
	static const char *const devices[] = {"virtio-blk"}, *const disks[] = {"mem:64K"},
				 *const nets[] = {"loop"};
	struct vm_spec spec = {.cpu = VM_CPU_SCRIPT,
			       .script = script,
			       .script_len = sizeof(script) - 1,
			       .devices = devices,
			       .nr_devices = 1,
			       .disks = disks,
			       .nr_disks = 1,
			       .nets = nets,
			       .nr_nets = 1,
			       .time_exits = timed};
	struct err err = {0};
	struct vm *vm = NULL;

	if (vm_new(&vm, &spec, &err))
		fail_msg("%s", err.msg);
	return vm;
}

static void run(struct vm *vm)
{
	struct vm_result res;

	assert_int_equal(vm_run(vm, NULL, &res), 0);
	assert_int_equal(res.verdict, VM_PASS);
}

static bool has(const struct buf *b, const char *name, unsigned val)
{
	char line[200];

	(void)snprintf(line, sizeof(line), "{\"metric\":\"%s\",\"value\":%u}\n", name, val);
	return strstr(b->p, line) != NULL;
}

static void counts(void **state)
{
	struct vm *vm = machine(false);
	struct buf b = {0};
	uint8_t sector[512] = {0};

	(void)state;
	run(vm);
	assert_int_equal(blk_write(vm_disk(vm, 0), 512, sector, 512), 0);
	assert_int_equal(blk_read(vm_disk(vm, 0), 64 << 10, sector, 512), -EINVAL);
	vm_metrics(vm, &b);
	assert_false(b.failed);
	buf_put(&b, "", 1);
	assert_true(has(&b, "exit.pio", 3));
	assert_true(has(&b, "exit.mmio", 4));
	assert_true(has(&b, "exit.hlt", 0));
	assert_true(has(&b, "exit.pio_size.1", 3));
	assert_true(has(&b, "exit.pio_size.4", 0));
	assert_true(has(&b, "exit.mmio_size.1", 1));
	assert_true(has(&b, "exit.mmio_size.4", 2));
	assert_true(has(&b, "exit.mmio_size.8", 1));
	assert_null(strstr(b.p, "exit.pio_size.3"));
	assert_true(has(&b, "device.debugcon0.writes", 1));
	assert_true(has(&b, "device.uart0.reads", 1));
	assert_true(has(&b, "device.virtio-blk0.reads", 2));
	assert_true(has(&b, "device.virtio-blk0.writes", 1));
	assert_true(has(&b, "device.virtio-blk0.guest_errors", 2));
	assert_true(has(&b, "device.virtio-blk0.queue.0.kicks", 0));
	assert_true(has(&b, "disk.0.writes", 1));
	assert_true(has(&b, "disk.0.reads", 1));
	assert_true(has(&b, "disk.0.errors", 1));
	assert_true(has(&b, "net.0.sent", 0));
	assert_null(strstr(b.p, "exit.ns"));
	buf_free(&b);
	vm_free(vm);
}

/* Each is an object of its own on a line of its own, and has a name that the list knows. */
static void lines(void **state)
{
	struct vm *vm = machine(false);
	struct buf b = {0}, list = {0};
	char *save = NULL;

	(void)state;
	vm_metrics(vm, &b);
	buf_put(&b, "", 1);
	vm_metrics_list(&list);
	buf_put(&list, "", 1);
	assert_non_null(strstr(list.p, "device.NAME.queue.N.error.loop "));
	assert_non_null(strstr(list.p, "net.N.received "));
	for (char *l = strtok_r(b.p, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *last;
		char *end, tail[64];

		assert_int_equal(strncmp(l, "{\"metric\":\"", 11), 0);
		assert_int_equal(l[strlen(l) - 1], '}');
		end = strchr(l + 11, '"');
		assert_non_null(end);
		*end = 0;
		last = strrchr(l, '.');
		(void)snprintf(tail, sizeof(tail), "%s ", last);
		assert_non_null(strstr(list.p, tail));
	}
	buf_free(&b);
	buf_free(&list);
	vm_free(vm);
}

/* The same run counts the same, and what is counted is no part of the machine. */
static void repeats_and_is_no_state(void **state)
{
	struct vm *a = machine(false), *b = machine(true);
	struct buf x = {0}, y = {0};
	uint64_t hash_a, hash_b;

	(void)state;
	run(a);
	run(b);
	assert_int_equal(vm_hash(a, &hash_a, NULL), 0);
	assert_int_equal(vm_hash(b, &hash_b, NULL), 0);
	assert_true(hash_a == hash_b);
	vm_metrics(a, &x);
	vm_metrics(b, &y);
	buf_put(&x, "", 1);
	buf_put(&y, "", 1);
	/* The one that was timed says so; without that line they are equal. */
	char *from = strstr(y.p, "{\"metric\":\"exit.ns\"");

	assert_non_null(from);
	memmove(from, strchr(from, '\n') + 1, strlen(strchr(from, '\n') + 1) + 1);
	assert_string_equal(x.p, y.p);
	buf_free(&x);
	buf_free(&y);
	vm_free(a);
	vm_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(lines),
		cmocka_unit_test(repeats_and_is_no_state),
	};

	return cmocka_run_group_tests_name("vm_metrics", tests, NULL, NULL);
}
