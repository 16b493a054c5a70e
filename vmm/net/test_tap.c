/* SPDX-License-Identifier: MIT */
/*
 * What comes from outside: a tap that cannot be opened, one that can (where the tests have the rights:
 * on an interface of their own), and a replay of either without a host.
 */
#include "test_net.h"

#include <vmm/input.h>

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IFNAME "vise-test0"
#define TICKS  (3 * INPUT_TICK)

static bool bring_up(void)
{
	struct ifreq req = {.ifr_name = IFNAME, .ifr_flags = IFF_UP};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (s < 0)
		return false;
	r = ioctl(s, SIOCSIFFLAGS, &req);
	(void)close(s);
	return !r;
}

static void refused(void **state)
{
	struct err err = {0};
	struct clock clock;
	struct net_env env;
	struct net *n;
	(void)state;

	clock_init(&clock);
	env = (struct net_env){.clock = &clock};
	assert_int_equal(input_new(&env.input, &clock, NULL, &err), 0);
	assert_int_equal(net_open(&n, "tap:a-name-that-is-too-long", &env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "15 bytes"));
	/* No interface has such a name, whoever asks. */
	assert_true(net_open(&n, "tap:a/b", &env, &err) < 0);
	assert_non_null(strstr(err.msg, "tap:a/b"));
	input_free(env.input);
}

/* A frame from the host comes at a tick, and the same in the replay. */
static void live_and_again(void **state)
{
	char log[] = "/tmp/vise-net-XXXXXX";
	struct err err = {0};
	struct rig *r = calloc(1, sizeof(*r));
	int fd = mkstemp(log);
	unsigned got;
	(void)state;

	assert_non_null(r);
	assert_true(fd >= 0);
	(void)close(fd);
	clock_init(&r->clock);
	r->env.clock = &r->clock;
	r->room = UINT32_MAX;
	assert_int_equal(input_new(&r->env.input, &r->clock, log, &err), 0);
	if (net_open(&r->net, "tap:" IFNAME, &r->env, &err) || !bring_up()) {
		net_close(r->net);
		input_free(r->env.input);
		free(r);
		(void)unlink(log);
		skip();
		return;
	}
	assert_true(r->net->live);
	assert_int_equal(net_mark(r->net, &err), -ENOTSUP);
	assert_int_equal(net_receive(r->net, &rig_ear, r), 0);
	assert_int_equal(input_start(r->env.input, 1, &err), 0);
	send_plain(r, 0xff, 60);
	/* The host's kernel says something of itself on a new interface, sooner or later. */
	for (unsigned i = 0; i < 300 && !r->got; i++) {
		usleep(10000);
		clock_advance(&r->clock, TICKS);
	}
	got = r->got;
	assert_int_equal(input_finish(r->env.input, 5, &err), 0);
	assert_int_equal(input_close(r->env.input, &err), 0);
	input_free(r->env.input);
	if (got)
		assert_true(r->net->heard_host);
	assert_int_equal(net_receive(r->net, NULL, NULL), 0);
	net_close(r->net);

	/* Without the host; the device's own frames go nowhere. */
	r->got = 0;
	clock_init(&r->clock);
	assert_int_equal(input_replay(&r->env.input, &r->clock, log, &err), 0);
	assert_int_equal(net_open(&r->net, "tap:" IFNAME, &r->env, &err), 0);
	assert_false(r->net->live);
	assert_int_equal(net_receive(r->net, &rig_ear, r), 0);
	assert_int_equal(input_start(r->env.input, 1, &err), 0);
	send_plain(r, 0xff, 60);
	clock_advance(&r->clock, 300ull * TICKS);
	assert_int_equal(r->got, got);
	input_free(r->env.input);
	assert_int_equal(net_receive(r->net, NULL, NULL), 0);
	net_close(r->net);
	free(r);
	assert_int_equal(unlink(log), 0);
}

/* The user network with the host's: the gateway's answers come by input, and again in a replay. */
static void open_user(void **state)
{
	char log[] = "/tmp/vise-net-XXXXXX";
	uint8_t icmp[40] = {8, 0, 0, 0, 0x12, 0x34, 0, 1}, f[100];
	struct err err = {0};
	size_t len;
	int fd;
	(void)state;

	if (net_has_user() <= 0)
		skip();
	fd = mkstemp(log);
	assert_true(fd >= 0);
	(void)close(fd);
	net_put_be16(icmp + 2, net_csum_fold(net_csum_add(0, icmp, sizeof(icmp))));
	len = make_ip4(f, NET_PROTO_ICMP, 0x0a00020f, 0x0a000202, icmp, sizeof(icmp));
	for (unsigned again = 0; again < 2; again++) {
		struct rig *r = calloc(1, sizeof(*r));

		assert_non_null(r);
		clock_init(&r->clock);
		r->env.clock = &r->clock;
		r->room = UINT32_MAX;
		if (again)
			assert_int_equal(input_replay(&r->env.input, &r->clock, log, &err), 0);
		else
			assert_int_equal(input_new(&r->env.input, &r->clock, log, &err), 0);
		assert_int_equal(net_open(&r->net, "user,open=1", &r->env, &err), 0);
		assert_int_equal(r->net->live, !again);
		assert_int_equal(net_receive(r->net, &rig_ear, r), 0);
		assert_int_equal(input_start(r->env.input, 1, &err), 0);
		clock_advance(&r->clock, 5);
		net_send(r->net, f, len, NULL);
		assert_int_equal(r->got, 0);
		clock_advance(&r->clock, 5 * TICKS);
		/* It asks who we are before it answers. */
		assert_true(r->got >= 1);
		assert_int_equal(r->f[0].at % INPUT_TICK, 0);
		assert_int_equal(net_be16(r->f[0].bytes + 12), NET_TYPE_ARP);
		if (!again) {
			assert_int_equal(input_finish(r->env.input, 5, &err), 0);
			assert_int_equal(input_close(r->env.input, &err), 0);
		}
		input_free(r->env.input);
		assert_int_equal(net_receive(r->net, NULL, NULL), 0);
		net_close(r->net);
		free(r);
	}
	assert_int_equal(unlink(log), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(live_and_again),
		cmocka_unit_test(open_user),
	};

	return cmocka_run_group_tests_name("net-outside", tests, NULL, NULL);
}
