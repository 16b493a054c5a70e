/* SPDX-License-Identifier: MIT */
/* A machine's networks: made from its spec, kept by a snapshot and brought back, refused with reasons. */
#include "test_vm.h"

#include <vmm/net.h>

static const char *const devices[] = {"virtio-net", "virtio-net,net=1"};

static struct vm_spec net_spec(const char *const *nets, unsigned n)
{
	return (struct vm_spec){.cpu = VM_CPU_SOFT,
				.devices = devices,
				.nr_devices = 2,
				.nets = nets,
				.nr_nets = n,
				.track_dirty = true};
}

static void go_back_with_the_machine(void **state)
{
	static const char *const nets[] = {"loop,delay=1000", "script:=at 5us send "
							      "000102030405060708090a0b0c0d0e0f"};
	struct vm_spec spec = net_spec(nets, 2);
	struct vm *vm = make_vm(&spec);
	struct vm_snap *first, *second;
	const uint8_t frame[60] = {0};
	struct err err = {0};
	uint64_t hash, now;
	(void)state;

	assert_null(vm_net(vm, 2));
	/* Nobody is up: what comes waits. */
	net_send(vm_net(vm, 0), frame, sizeof(frame), NULL);
	clock_advance(vm_clock(vm), 4000);
	assert_int_equal(net_waiting(vm_net(vm, 0)), 1);
	assert_int_equal(vm_snap(vm, &first, &err), 0);
	net_send(vm_net(vm, 0), frame, sizeof(frame), NULL);
	assert_int_equal(vm_snap(vm, &second, &err), 0);
	assert_int_equal(vm_hash(vm, &hash, &err), 0);
	for (unsigned i = 0; i < 3; i++) {
		net_send(vm_net(vm, 0), frame, sizeof(frame), NULL);
		assert_int_equal(net_waiting(vm_net(vm, 0)), 3);
		assert_int_equal(net_waiting(vm_net(vm, 1)), 0);
		clock_advance(vm_clock(vm), 1000);
		assert_int_equal(net_waiting(vm_net(vm, 1)), 1);
		assert_int_equal(vm_restore(vm, second, &err), 0);
		assert_int_equal(net_waiting(vm_net(vm, 0)), 2);
		assert_int_equal(net_waiting(vm_net(vm, 1)), 0);
		assert_int_equal(vm_hash(vm, &now, &err), 0);
		assert_true(now == hash);
	}
	assert_int_equal(vm_restore(vm, first, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "newest snapshot"));
	vm_snap_free(first);
	vm_snap_free(second);
	vm_free(vm);
}

static void refused(void **state)
{
	static const char *const many[VM_NETS + 1] = {"null", "null", "null", "null", "null",
						      "null", "null", "null", "null"};
	static const char *const unknown[] = {"null", "wire"}, *const absent[] = {"null",
										  "pcap:/no/such"};
	static const struct {
		const char *const *nets;
		unsigned n;
		const char *says;
	} bad[] = {{many, VM_NETS + 1, "9 networks"},
		   {unknown, 2, "'wire' is none of"},
		   {absent, 2, "/no/such"},
		   {many, 1, "no network 1"}};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vm_spec spec = net_spec(bad[i].nets, bad[i].n);
		struct err err = {0};
		struct vm *vm;

		assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
		assert_null(vm);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].says, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(go_back_with_the_machine),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("vm-net", tests, NULL, NULL);
}
