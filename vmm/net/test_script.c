/* SPDX-License-Identifier: MIT */
/* Peers: the one that is built in, and what a script's rules say. */
#include "test_net.h"

#define US 0x0a00020fu

static struct rig *script(const char *text)
{
	char spec[4096];

	(void)snprintf(spec, sizeof(spec), "script:=%s", text);
	return rig_open(spec);
}

/* ---- the built-in peer --------------------------------------------------------------------------------- */

static size_t make_arp(uint8_t *f, uint32_t for_whom)
{
	memset(f, 0xff, 6);
	memcpy(f + 6, "\x52\x54\x00\x12\x34\x56\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 16);
	memcpy(f + 22, "\x52\x54\x00\x12\x34\x56", 6);
	net_put_be32(f + 28, US);
	memset(f + 32, 0, 6);
	net_put_be32(f + 38, for_whom);
	return 42;
}

static size_t make_echo(uint8_t *f, size_t data)
{
	uint8_t icmp[512] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};

	for (size_t i = 0; i < data; i++)
		icmp[8 + i] = (uint8_t)i;
	net_put_be16(icmp + 2, net_csum_fold(net_csum_add(0, icmp, 8 + data)));
	return make_ip4(f, NET_PROTO_ICMP, US, NET_PEER_IP, icmp, 8 + data);
}

static size_t make_udp(uint8_t *f, bool sum)
{
	uint8_t udp[8 + 11] = {0x30, 0x39, 0, 7, 0, 19, 0, 0, 'h', 'e', 'l', 'l', 'o'};
	size_t len = make_ip4(f, NET_PROTO_UDP, US, NET_PEER_IP, udp, sizeof(udp));

	if (sum)
		net_put_be16(f + 40, net_csum_fold(net_csum_add(pseudo4(f, len), f + 34, 19)));
	return len;
}

static void arp(void **state)
{
	struct rig *r = rig_open("peer");
	uint8_t f[64];
	(void)state;

	net_send(r->net, f, make_arp(f, NET_PEER_IP), NULL);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->f[0].len, 42);
	assert_memory_equal(
		r->f[0].bytes,
		"\x52\x54\x00\x12\x34\x56\x52\x55\x0a\x00\x02\x02\x08\x06"
		"\x00\x01\x08\x00\x06\x04\x00\x02\x52\x55\x0a\x00\x02\x02\x0a\x00\x02\x02"
		"\x52\x54\x00\x12\x34\x56\x0a\x00\x02\x0f",
		42);
	/* Another's address, a reply, and what is cut short. */
	net_send(r->net, f, make_arp(f, NET_PEER_IP + 1), NULL);
	net_send(r->net, f, make_arp(f, NET_PEER_IP) - 1, NULL);
	(void)make_arp(f, NET_PEER_IP);
	f[21] = 2;
	net_send(r->net, f, 42, NULL);
	(void)make_arp(f, NET_PEER_IP);
	f[0] = 2;
	net_send(r->net, f, 42, NULL);
	assert_int_equal(r->got, 1);
	rig_close(r);
	r = rig_open("peer,ip=192.168.1.254,mac=02:00:00:aa:BB:cc");
	net_send(r->net, f, make_arp(f, 0xc0a801fe), NULL);
	assert_int_equal(r->got, 1);
	assert_memory_equal(r->f[0].bytes + 6, "\x02\x00\x00\xaa\xbb\xcc", 6);
	rig_close(r);
}

static void echo(void **state)
{
	struct rig *r = rig_open("peer");
	/* bytes that spoil the request: IP version, header length, fragment, its sum, type, code, its sum */
	static const uint8_t spoil[][2] = {{14, 0x65}, {14, 0x44}, {14, 0x4f}, {20, 0x20},
					   {24, 0},    {34, 0},	   {35, 1},    {36, 0},
					   {33, 3},    {17, 0xff}};
	uint8_t f[600], want[600];
	size_t len = make_echo(f, 100);
	(void)state;

	net_send(r->net, f, len, NULL);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->f[0].len, len);
	memcpy(want, f, len);
	memcpy(want, f + 6, 6);
	memcpy(want + 6, f, 6);
	memcpy(want + 26, f + 30, 4);
	memcpy(want + 30, f + 26, 4);
	want[34] = 0;
	net_put_be16(want + 36, 0);
	net_put_be16(want + 36, net_csum_fold(net_csum_add(0, want + 34, 108)));
	assert_memory_equal(r->f[0].bytes, want, len);
	/* Padding behind it is none of it; an odd length is summed right. */
	net_send(r->net, f, make_echo(f, 3) + 20, NULL);
	assert_int_equal(r->got, 2);
	assert_int_equal(r->f[1].len, 14 + 20 + 11);
	assert_int_equal(net_csum_fold(net_csum_add(0, r->f[1].bytes + 34, 11)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		len = make_echo(f, 100);
		f[spoil[i][0]] = spoil[i][1];
		net_send(r->net, f, len, NULL);
	}
	for (size_t cut = 14; cut < len; cut++)
		net_send(r->net, f, make_echo(f, 100) - len + cut, NULL);
	assert_int_equal(r->got, 2);
	rig_close(r);
}

static void udp_echo(void **state)
{
	struct rig *r = rig_open("peer");
	uint8_t f[64];
	size_t len = make_udp(f, true);
	(void)state;

	net_send(r->net, f, len, NULL);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->f[0].len, len);
	assert_memory_equal(r->f[0].bytes + 34, "\x00\x07\x30\x39\x00\x13", 6);
	assert_memory_equal(r->f[0].bytes + 42, "hello", 5);
	assert_int_equal(
		net_csum_fold(net_csum_add(pseudo4(r->f[0].bytes, len), r->f[0].bytes + 34, 19)),
		0);
	f[45] ^= 1;
	net_send(r->net, f, len, NULL);
	assert_int_equal(r->got, 1);
	/* None is fine; another port and a wrong length are not. */
	net_send(r->net, f, make_udp(f, false), NULL);
	assert_int_equal(r->got, 2);
	(void)make_udp(f, false);
	f[37] = 8;
	net_send(r->net, f, len, NULL);
	(void)make_udp(f, false);
	f[39] = 20;
	net_send(r->net, f, len, NULL);
	f[39] = 7;
	net_send(r->net, f, len, NULL);
	assert_int_equal(r->got, 2);
	rig_close(r);
}

/* ---- rules ---------------------------------------------------------------------------------------------- */

#define F14 "00112233445566778899aabbccdd"

static void at_times(void **state)
{
	struct rig *r = script(
		"at 2ms send " F14 "02 # a comment\n"
		"at 1500 send 00 11 2233 4455 66 77 8899aabbccdd 01;at 2us link down;"
		"at 3us link up; at 4us announce;at 2ms send " F14 "03\nat 1s send " F14 "04");
	struct err err = {0};
	(void)state;

	clock_advance(&r->clock, 1499);
	assert_int_equal(r->got, 0);
	clock_advance(&r->clock, 1);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->f[0].len, 15);
	assert_memory_equal(r->f[0].bytes + 13, "\xdd\x01", 2);
	clock_advance(&r->clock, 500);
	assert_false(r->up);
	assert_int_equal(net_mark(r->net, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		clock_advance(&r->clock, 1000);
		assert_true(r->up);
		clock_advance(&r->clock, 1000);
		assert_int_equal(r->announces, 1);
		clock_advance(&r->clock, 2000000);
		assert_int_equal(r->got, 3);
		/* of one time, in the order of the text */
		assert_int_equal(r->f[1].bytes[14], 2);
		assert_int_equal(r->f[2].bytes[14], 3);
		clock_advance(&r->clock, 2000000000);
		assert_int_equal(r->f[3].at, 1000000000);
		r->clock.now = 2000;
		assert_int_equal(net_rewind(r->net, &err), 0);
		r->got = 1;
		r->announces = 0;
	}
	rig_close(r);
}

static void on_frames(void **state)
{
	struct rig *r = script("on 01 ?? 03 send $6-11 $0-5 88b5 $1 ff $200\n"
			       "on 02 drop\n"
			       "on 03 after 5us send " F14 "\n"
			       "on 04 send 00 $0-100\n"
			       "peer 10.0.2.2");
	uint8_t f[60];
	(void)state;

	for (unsigned i = 0; i < sizeof(f); i++)
		f[i] = (uint8_t)(i + 1);
	f[1] = 0xab;
	net_send(r->net, f, sizeof(f), NULL);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->f[0].len, 16); /* there is no byte 200 */
	assert_memory_equal(r->f[0].bytes,
			    "\x07\x08\x09\x0a\x0b\x0c\x01\xab\x03\x04\x05\x06\x88\xb5\xab\xff", 16);
	f[0] = 2;
	net_send(r->net, f, sizeof(f), NULL);
	assert_int_equal(r->got, 1);
	f[0] = 3;
	clock_advance(&r->clock, 10);
	net_send(r->net, f, sizeof(f), NULL);
	clock_advance(&r->clock, 10000);
	assert_int_equal(r->got, 2);
	assert_int_equal(r->f[1].at, 5010);
	assert_int_equal(r->f[1].len, 14);
	f[0] = 4;
	net_send(r->net, f, 20, NULL);
	assert_int_equal(r->f[2].len, 21);
	/* What no rule fits is the peer's. */
	net_send(r->net, f, make_arp(f, NET_PEER_IP), NULL);
	assert_int_equal(r->got, 4);
	f[0] = 9;
	net_send(r->net, f, sizeof(f), NULL);
	assert_int_equal(r->got, 4);
	rig_close(r);
}

static void bad_texts(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"\n\nfoo", "s:3: a rule begins"},
		{"at", "no number"},
		{"at 5x send " F14, "a time is a number"},
		{"at 99999999999999999999 send " F14, "64 bits"},
		{"at 99999999999s send " F14, "64 bits"},
		{"at 5 jump", "send link announce"},
		{"at 5 link sideways", "up or down"},
		{"at 5 announce now", "more than a rule"},
		{"at 5 send", "no bytes"},
		{"at 5 send 0011", "14 bytes at least"},
		{"at 5 send 0 1 2", "no bytes"},
		{"at 5 send " F14 "??", "more than a rule"},
		{"at 5 send " F14 "$0", "more than a rule"},
		{"on send " F14, "no bytes"},
		{"on 00 sing", "send drop"},
		{"on 00 drop it", "more than a rule"},
		{"on $0 drop", "no bytes"},
		{"on 00 send $", "no number"},
		{"on 00 send $5-", "no number"},
		{"on 00 send $5-4", "no byte of a frame"},
		{"on 00 send $70000", "no byte of a frame"},
		{"on 00 send $0-2000", "more bytes"},
		{"on 00 after send " F14, "no number"},
		{"peer;peer", "a second peer"},
		{"peer 10.0.0", "a peer is"},
		{"peer 10.0.0.1 52", "a peer is"},
		{"peer 10.0.0.1 52:54:00:00:00:01 x", "more than a rule"},
	};
	struct net_env env;
	struct clock clock;
	struct buf many = {0};
	struct err err = {0};
	struct net *n;
	(void)state;

	clock_init(&clock);
	env = (struct net_env){.clock = &clock};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err = (struct err){0};
		assert_int_equal(
			net_script_new(&n, "s", bad[i].text, strlen(bad[i].text), &env, &err),
			-EINVAL);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].text, err.msg);
	}
	assert_int_equal(net_script_new(&n, "s", "peer\0x", 6, &env, &err), -EINVAL);
	for (unsigned i = 0; i < NET_SCRIPT_RULES; i++)
		buf_printf(&many, "on %02x drop\n", i);
	assert_int_equal(net_script_new(&n, "s", many.p, many.len, &env, &err), 0);
	net_close(n);
	buf_printf(&many, "on 00 drop");
	assert_int_equal(net_script_new(&n, "s", many.p, many.len, &env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "s:257: more rules"));
	assert_int_equal(net_script_new(&n, "s", many.p, NET_SCRIPT_MAX + 1, &env, &err), -EINVAL);
	buf_free(&many);
}

static void from_a_file(void **state)
{
	char path[] = "/tmp/vise-net-XXXXXX", spec[64];
	struct rig *r;
	int fd = mkstemp(path);
	(void)state;

	assert_true(fd >= 0);
	assert_int_equal(file_write(path, "at 5 send " F14 "\n", 40 - 1, NULL), 0);
	(void)snprintf(spec, sizeof(spec), "script:%s", path);
	r = rig_open(spec);
	clock_advance(&r->clock, 10);
	assert_int_equal(r->got, 1);
	rig_close(r);
	assert_int_equal(remove(path), 0);
	(void)fclose(fdopen(fd, "r"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp),	       cmocka_unit_test(echo),
		cmocka_unit_test(udp_echo),    cmocka_unit_test(at_times),
		cmocka_unit_test(on_frames),   cmocka_unit_test(bad_texts),
		cmocka_unit_test(from_a_file),
	};

	return cmocka_run_group_tests_name("net-script", tests, NULL, NULL);
}
