/* SPDX-License-Identifier: MIT */
/* Snapshots: a restored machine runs as it did, and its hash says so. */
#include "test_vm.h"

#include <stdlib.h>
#include <unistd.h>

#define WALL 10000u

/* Writes to 40 pages, a byte to COM1, a word to the test device, and passes. */
static const uint8_t work[] = {0xb9, 0x28, 0x00, 0x00, 0x00, 0xbf, 0x00, 0x00, 0x20, 0x00, 0x31,
			       0xc0, 0x05, 0x07, 0x01, 0x01, 0x01, 0x89, 0x07, 0x48, 0x81, 0xc7,
			       0x00, 0x10, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xee, 0x66, 0xba, 0xf8,
			       0x03, 0xb0, 0x78, 0xee, 0xbb, 0x00, 0x00, 0xb0, 0xfe, 0x89, 0x03,
			       0x8a, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0xfe, 0x04, 0x25, 0x00,
			       0x00, 0x20, 0x00, 0x31, 0xc0, 0xe6, 0xf4, 0xf4};

static uint64_t hash_of(struct vm *vm)
{
	struct err err = {0};
	uint64_t h = 0;

	assert_int_equal(vm_hash(vm, &h, &err), 0);
	return h;
}

static void restored_runs_are_equal(void **state)
{
	struct vm_spec spec = flat_spec(work, sizeof(work), X86_LONG);
	uint64_t fresh, end = 0, stream = 0;
	struct vm_snap *snap;
	struct err err = {0};
	struct vm *vm;

	(void)state;
	NEED_KVM();
	spec.track_dirty = true;
	vm = make_vm(&spec);
	fresh = hash_of(vm);
	assert_int_equal(vm_snap(vm, &snap, &err), 0);
	assert_true(hash_of(vm) == fresh);
	for (unsigned i = 0; i < 4; i++) {
		struct vm_result res = run_vm(vm, 0, WALL);
		uint32_t word;

		assert_int_equal(res.verdict, VM_PASS);
		assert_int_equal(res.exits, 3);
		assert_string_equal(buf_str(&vm_serial(vm)->out), "x");
		assert_int_equal(vm_serial(vm)->written, 1);
		assert_int_equal(gmem_read(vm_mem(vm), 0x227000, &word, 4), 0);
		assert_int_equal(word, 40 * 0x01010107);
		if (i) {
			assert_true(hash_of(vm) == end);
			assert_true(trace_hash(vm_trace(vm)) == stream);
		}
		end = hash_of(vm);
		stream = trace_hash(vm_trace(vm));
		assert_true(end != fresh);
		assert_int_equal(vm_restore(vm, snap, &err), 0);
		assert_true(hash_of(vm) == fresh);
		assert_int_equal(trace_count(vm_trace(vm)), 0);
		assert_string_equal(buf_str(&vm_serial(vm)->out), "");
		assert_int_equal(gmem_read(vm_mem(vm), 0x227000, &word, 4), 0);
		assert_int_equal(word, 0);
	}
	vm_snap_free(snap);
	vm_free(vm);
}

/* In the middle, with a device access behind it; and there and back between two snapshots. */
static void two_snapshots(void **state)
{
	struct vm_spec spec = flat_spec(work, sizeof(work), X86_LONG);
	struct vm_snap *first, *mid;
	struct err err = {0};
	uint64_t h_first, h_mid, h_end;
	struct vm *vm;

	(void)state;
	NEED_KVM();
	spec.track_dirty = true;
	vm = make_vm(&spec);
	h_first = hash_of(vm);
	assert_int_equal(vm_snap(vm, &first, &err), 0);
	assert_int_equal(run_vm(vm, 1, WALL).verdict, VM_LIMIT);
	h_mid = hash_of(vm);
	assert_int_equal(vm_snap(vm, &mid, &err), 0);
	/* what was written before it does not count as written since */
	assert_int_equal(vm->cpu->ops->sync_dirty(vm->cpu, &err), 0);
	assert_int_equal(gmem_dirty_count(vm_mem(vm)), 0);
	run_vm(vm, 0, WALL);
	h_end = hash_of(vm);

	assert_int_equal(vm_restore(vm, first, &err), 0);
	assert_true(hash_of(vm) == h_first);
	assert_int_equal(vm_restore(vm, mid, &err), 0);
	assert_true(hash_of(vm) == h_mid);
	assert_string_equal(buf_str(&vm_serial(vm)->out), "x");
	assert_int_equal(run_vm(vm, 0, WALL).verdict, VM_PASS);
	assert_true(hash_of(vm) == h_end);
	assert_int_equal(vm_restore(vm, mid, &err), 0);
	assert_true(hash_of(vm) == h_mid);
	vm_snap_free(first);
	vm_snap_free(mid);
	vm_free(vm);
}

/* Without KVM: devices, time, timers, what was received and sent. */
static void devices_come_back(void **state)
{
	struct cpu_exit e[8];
	struct vm_snap *snap;
	struct err err = {0};
	struct mock m;
	struct vm *vm;
	uint64_t before;

	(void)state;
	e[0] = mmio_write(0xfeb00000, 8, 0x1234);
	e[1] = mmio_write(0xfeb00160, 8, 1000000); /* the timer */
	e[2] = mmio_write(0xfeb00148, 4, 5);
	e[3] = mmio_write(0xfeb00160, 8, 50);
	e[4] = just(CPU_EXIT_BUS_LOCK);
	vm = make_mock(&m, e, 5);
	vm->serial.in = (const uint8_t *)"ab";
	vm->serial.in_len = 2;
	run_vm(vm, 2, 0);
	m.line = false;
	assert_int_equal(gmem_write(vm->mem, 0x5000, "before", 6), 0);
	before = hash_of(vm);
	assert_int_equal(vm_snap(vm, &snap, &err), 0);

	run_vm(vm, 0, 0);
	assert_int_equal(gmem_write(vm->mem, 0x5000, "after!", 6), 0);
	assert_int_equal(gmem_write(vm->mem, 0x9000, "after!", 6), 0);
	m.state.gpr[X86_RAX] = 77;
	assert_int_equal(chr_get(&vm->serial), 'a');
	assert_true(hash_of(vm) != before);
	assert_true(vm->r.ended);

	assert_int_equal(vm_restore(vm, snap, &err), 0);
	assert_true(hash_of(vm) == before);
	assert_int_equal(m.state.gpr[X86_RAX], 0);
	assert_int_equal(clock_now(vm_clock(vm)), 2 * VM_EXIT_NS);
	assert_int_equal(clock_next(vm_clock(vm)), 1000000 + VM_EXIT_NS);
	assert_int_equal(chr_peek(&vm->serial), 'a');
	assert_false(vm->r.ended);
	vm_snap_free(snap);
	vm_free(vm);
}

static void refusals(void **state)
{
	struct vm_snap *snap = (struct vm_snap *)state;
	struct err err = {0};
	struct mock m;
	struct vm *vm = make_script("hlt\n"), *other;
	struct vm_spec spec = {
		.cpu = VM_CPU_SCRIPT, .script = "", .track_dirty = true, .no_platform = true};

	assert_int_equal(vm_snap(vm, &snap, &err), -EINVAL);
	assert_null(snap);
	assert_non_null(strstr(err.msg, "track_dirty"));
	vm_free(vm);

	vm = make_mock(&m, NULL, 0);
	m.get_error = -EIO;
	assert_int_equal(vm_snap(vm, &snap, &err), -EIO);
	assert_null(snap);
	m.get_error = 0;
	assert_int_equal(vm_snap(vm, &snap, &err), 0);
	/* other regions */
	assert_int_equal(gmem_add(vm->mem, 0x40000000, 4096, GMEM_RAM, NULL), 0);
	assert_int_equal(vm_restore(vm, snap, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "regions"));
	assert_int_equal(gmem_remove(vm->mem, 0x40000000), 0);
	assert_int_equal(vm_restore(vm, snap, &err), 0);
	/* other devices */
	other = make_vm(&spec);
	assert_int_equal(vm_restore(other, snap, &err), -EINVAL);
	vm_free(other);
	vm_snap_free(snap);
	vm_snap_free(NULL);
	vm_free(vm);
}

/* What is hashed: each part changes it, and it does not depend on anything else. */
/* Disks go back with the newest snapshot; one whose changes go to a file cannot. */
static void disks_come_back(void **state)
{
	static const char *const mem[] = {"mem:64K", "mem:1M,ro"};
	struct vm_spec spec = flat_spec(work, sizeof(work), X86_LONG);
	char path[] = "/tmp/vise-snap-XXXXXX", rw[64];
	const char *file[] = {rw};
	struct vm_snap *old, *snap;
	struct err err = {0};
	struct vm *vm;
	char got[5] = "";
	int fd;

	(void)state;
	spec.cpu = VM_CPU_SOFT;
	spec.track_dirty = true;
	spec.disks = mem;
	spec.nr_disks = 2;
	vm = make_vm(&spec);
	assert_null(vm_disk(vm, 2));
	assert_true(vm_disk(vm, 1)->read_only);
	assert_int_equal(vm_snap(vm, &old, &err), 0);
	assert_int_equal(blk_write(vm_disk(vm, 0), 5, "kept", 4), 0);
	assert_int_equal(vm_snap(vm, &snap, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(blk_write(vm_disk(vm, 0), 5, "gone", 4), 0);
		assert_int_equal(vm_restore(vm, snap, &err), 0);
		assert_int_equal(blk_read(vm_disk(vm, 0), 5, got, 4), 0);
		assert_string_equal(got, "kept");
	}
	assert_int_equal(vm_restore(vm, old, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "newest"));
	vm_snap_free(old);
	vm_snap_free(snap);
	vm_free(vm);

	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	(void)close(fd);
	(void)snprintf(rw, sizeof(rw), "%s,rw", path);
	spec.disks = file;
	spec.nr_disks = 1;
	vm = make_vm(&spec);
	assert_int_equal(vm_snap(vm, &snap, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "rw"));
	vm_free(vm);
	(void)unlink(path);

	spec.nr_disks = VM_DISKS + 1;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	file[0] = "/nonexistent/disk";
	spec.nr_disks = 1;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "/nonexistent/disk"));
}

static void hash_sees_each_part(void **state)
{
	struct mock m, n;
	struct vm *a = make_mock(&m, NULL, 0), *b = make_mock(&n, NULL, 0);
	uint64_t h = hash_of(a);

	(void)state;
	assert_true(hash_of(b) == h);
	n.state.gpr[X86_R15] = 1;
	assert_true(hash_of(b) != h);
	n.state.gpr[X86_R15] = 0;
	assert_true(hash_of(b) == h);
	assert_int_equal(gmem_write(b->mem, VM_MEM_DEFAULT - 1, "x", 1), 0);
	assert_true(hash_of(b) != h);
	assert_int_equal(gmem_write(b->mem, VM_MEM_DEFAULT - 1, "", 1), 0);
	assert_true(hash_of(b) == h);
	assert_int_equal(bus_write(b->bus, BUS_PIO, 0x3ff, 1, 0x55), 0);
	assert_true(hash_of(b) != h);
	assert_int_equal(bus_write(b->bus, BUS_PIO, 0x3ff, 1, 0), 0);
	assert_true(hash_of(b) == h);
	clock_advance(vm_clock(b), 1);
	assert_true(hash_of(b) != h);
	n.get_error = -EIO;
	assert_int_equal(vm_hash(b, &h, NULL), -EIO);
	vm_free(a);
	vm_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restored_runs_are_equal), cmocka_unit_test(two_snapshots),
		cmocka_unit_test(devices_come_back),	   cmocka_unit_test(refusals),
		cmocka_unit_test(disks_come_back),	   cmocka_unit_test(hash_sees_each_part),
	};

	return cmocka_run_group_tests_name("vm_snap", tests, NULL, NULL);
}
