/* SPDX-License-Identifier: MIT */
/* The cable: loop and its delay, refusal and the queue's bounds, offloads, the link, snapshots, texts. */
#include "test_net.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void loops(void **state)
{
	struct rig *r = rig_open("loop");
	(void)state;

	send_plain(r, 1, 14);
	send_plain(r, 2, NET_FRAME_MAX);
	send_plain(r, 3, 13);
	send_plain(r, 4, NET_FRAME_MAX + 1);
	assert_int_equal(r->got, 2);
	assert_int_equal(r->f[0].len, 14);
	assert_int_equal(r->f[0].bytes[13], 1);
	assert_int_equal(r->f[1].len, NET_FRAME_MAX);
	assert_int_equal(r->net->stats.sent, 2);
	assert_int_equal(r->net->stats.sent_bytes, 14 + NET_FRAME_MAX);
	assert_int_equal(r->net->stats.received, 2);
	assert_int_equal(r->net->stats.bad, 2);
	assert_int_equal(net_receive(r->net, &rig_ear, r), -EBUSY);
	assert_int_equal(net_input(r->net, "x", 1, NULL, 0), -EMSGSIZE);
	rig_close(r);
	r = rig_open("null");
	send_plain(r, 1, 60);
	assert_int_equal(r->got, 0);
	rig_close(r);
	r = rig_open("loop,delay=500");
	send_plain(r, 1, 60);
	clock_advance(&r->clock, 100);
	send_plain(r, 2, 60);
	clock_advance(&r->clock, 399);
	assert_int_equal(r->got, 0);
	clock_advance(&r->clock, 1000);
	assert_int_equal(r->got, 2);
	assert_int_equal(r->f[0].at, 500);
	assert_int_equal(r->f[1].at, 600);
	/* A time beyond all times is no wrap. */
	rig_close(r);
	r = rig_open("loop,delay=0xffffffffffffffff");
	clock_advance(&r->clock, 5);
	send_plain(r, 1, 60);
	assert_int_equal(r->got, 0);
	assert_int_equal(clock_next(&r->clock), CLOCK_NEVER - 1);
	rig_close(r);
}

/* A device without room: frames wait in order, as many as there may be, and no more. */
static void waits(void **state)
{
	struct rig *r = rig_open("loop");
	(void)state;

	r->room = 1;
	for (unsigned i = 0; i < 300; i++)
		send_plain(r, (uint8_t)i, 60);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->net->stats.overrun, 300 - 1 - NET_QUEUE);
	clock_advance(&r->clock, 1000000);
	assert_int_equal(r->got, 1);
	r->room = 2;
	net_resume(r->net);
	assert_int_equal(r->got, 3);
	assert_int_equal(r->f[2].bytes[0], 2);
	/* Room for bytes is bounded too: after the front went there is some again. */
	r->room = UINT32_MAX;
	net_resume(r->net);
	assert_int_equal(r->got, 1 + NET_QUEUE);
	r->room = r->got = 0;
	for (unsigned i = 0; i < 6; i++)
		send_plain(r, (uint8_t)i, NET_FRAME_MAX);
	for (unsigned turn = 3; turn < 40; turn++) {
		r->room = 1;
		net_resume(r->net);
		assert_int_equal(r->got, turn - 2);
		send_plain(r, (uint8_t)(turn + 3), NET_FRAME_MAX);
	}
	r->room = UINT32_MAX;
	net_resume(r->net);
	assert_int_equal(r->got, 37 + 3);
	/* Three of the six fitted; afterwards each found the place of one that went. */
	assert_int_equal(r->f[0].bytes[0], 0);
	assert_int_equal(r->f[3].bytes[0], 6);
	assert_int_equal(r->f[39].bytes[0], 42);
	rig_close(r);
}

/* Frames that are due earlier overtake; those of one time do not. */
static void order(void **state)
{
	struct rig *r = rig_open("null");
	static const struct {
		uint64_t due;
		uint8_t name;
	} in[] = {{50, 'a'}, {20, 'b'}, {50, 'c'}, {20, 'd'}, {70, 'e'}, {10, 'f'}, {60, 'g'}};
	uint8_t f[100] = {0};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		f[0] = in[i].name;
		assert_int_equal(net_input(r->net, f, 20 + 7 * i, NULL, in[i].due), 0);
	}
	assert_int_equal(net_waiting(r->net), 7);
	clock_advance(&r->clock, 100);
	assert_int_equal(net_waiting(r->net), 0);
	assert_int_equal(r->got, 7);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(r->f[i].bytes[0], "fbdacge"[i]);
	assert_int_equal(r->f[0].at, 10);
	assert_int_equal(r->f[0].len, 55);
	assert_int_equal(r->f[6].at, 70);
	rig_close(r);
}

/* TCP of 3000 bytes, its checksum open. */
static size_t make_large(uint8_t *f, struct net_meta *m)
{
	static uint8_t tcp[20 + 3000];
	size_t len;

	memset(tcp, 0, sizeof(tcp));
	tcp[12] = 0x50;
	len = make_ip4(f, NET_PROTO_TCP, 1, 2, tcp, sizeof(tcp));
	net_put_be16(f + 34 + 16, (uint16_t)~net_csum_fold(pseudo4(f, len)));
	*m = (struct net_meta){.flags = NET_NEEDS_CSUM,
			       .gso = NET_GSO_TCP4,
			       .gso_size = 1000,
			       .csum_start = 34,
			       .csum_offset = 16};
	return len;
}

static bool sum_is_right(const struct rig *r, unsigned i)
{
	const uint8_t *f = r->f[i].bytes;
	size_t len = r->f[i].len;

	return !net_csum_fold(net_csum_add(pseudo4(f, len), f + 34, len - 34));
}

static void offloads(void **state)
{
	static uint8_t f[NET_FRAME_MAX];
	struct net_meta m, small = {.flags = NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	size_t len = make_large(f, &m);
	struct rig *r;
	(void)state;

	/* A loop of real frames, whatever the device takes. */
	r = rig_open("loop");
	r->takes = NET_TAKES_CSUM | NET_TAKES_TSO4;
	net_send(r->net, f, len, &m);
	assert_int_equal(r->got, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(r->f[i].len, 54 + 1000);
		assert_int_equal(r->f[i].meta.flags | r->f[i].meta.gso, 0);
		assert_true(sum_is_right(r, i));
	}
	net_send(r->net, f, 54 + 100, &small);
	net_put_be16(r->f[3].bytes + 16, 20 + 20 + 100);
	assert_int_equal(r->f[3].meta.flags, 0);
	/* What the device does not say right is not sent. */
	m.csum_offset = 60000;
	net_send(r->net, f, len, &m);
	m.csum_offset = 16;
	m.gso_size = 0;
	net_send(r->net, f, len, &m);
	assert_int_equal(r->net->stats.bad, 2);
	assert_int_equal(r->got, 4);
	rig_close(r);

	/* As it was sent, to one who takes it; cut for one who does not, with room or without. */
	m.gso_size = 1000;
	r = rig_open("loop,meta=1");
	r->takes = NET_TAKES_CSUM | NET_TAKES_TSO4;
	net_send(r->net, f, len, &m);
	assert_int_equal(r->got, 1);
	assert_int_equal(r->f[0].len, len);
	assert_int_equal(r->f[0].meta.gso, NET_GSO_TCP4);
	assert_int_equal(r->f[0].meta.gso_size, 1000);
	m.gso |= NET_GSO_ECN;
	net_send(r->net, f, len, &m);
	assert_int_equal(r->got, 4);
	m.gso = NET_GSO_TCP4;
	r->takes = NET_TAKES_CSUM;
	r->got = 0;
	r->room = 1;
	net_send(r->net, f, len, &m);
	assert_int_equal(r->got, 1);
	r->room = 1;
	net_resume(r->net);
	assert_int_equal(r->got, 2);
	r->room = 5;
	net_resume(r->net);
	assert_int_equal(r->got, 3);
	assert_int_equal(net_be32(r->f[2].bytes + 38), 2000);
	assert_true(sum_is_right(r, 2));
	/* An open checksum for who takes it and who does not. */
	net_put_be16(f + 16, 20 + 20 + 100);
	net_send(r->net, f, 54 + 100, &small);
	assert_int_equal(r->f[3].meta.flags, NET_NEEDS_CSUM);
	r->takes = 0;
	net_put_be16(f + 34 + 16, (uint16_t)~net_csum_fold(pseudo4(f, 154)));
	net_send(r->net, f, 154, &small);
	assert_int_equal(r->f[4].meta.flags, 0);
	assert_true(sum_is_right(r, 4));
	m.gso = NET_GSO_TCP6;
	net_send(r->net, f, len, &m);
	assert_int_equal(r->net->stats.bad, 1);
	rig_close(r);
}

static void link_down(void **state)
{
	struct rig *r = rig_open("loop,delay=100");
	(void)state;

	send_plain(r, 1, 60);
	net_link(r->net, false, false);
	assert_int_equal(r->links, 1);
	assert_false(r->up);
	net_link(r->net, false, false);
	assert_int_equal(r->links, 1);
	send_plain(r, 2, 60);
	clock_advance(&r->clock, 200);
	assert_int_equal(r->got, 0);
	assert_int_equal(r->net->stats.refused, 2);
	net_link(r->net, true, false);
	net_link(r->net, true, true);
	assert_int_equal(r->links, 3);
	assert_int_equal(r->announces, 1);
	send_plain(r, 3, 60);
	clock_advance(&r->clock, 200);
	assert_int_equal(r->got, 1);
	rig_close(r);
}

static void snapshots(void **state)
{
	struct rig *r = rig_open("loop,delay=100");
	struct err err = {0};
	(void)state;

	assert_int_equal(net_rewind(r->net, &err), -EINVAL);
	send_plain(r, 1, 60);
	clock_advance(&r->clock, 50);
	send_plain(r, 2, 70);
	assert_int_equal(net_mark(r->net, &err), 0);
	for (unsigned turn = 0; turn < 3; turn++) {
		r->got = 0;
		send_plain(r, 3, 80);
		clock_advance(&r->clock, turn ? 60 : 1000);
		net_link(r->net, false, false);
		r->clock.now = 50;
		assert_int_equal(net_rewind(r->net, &err), 0);
		assert_true(r->net->link_up);
		assert_int_equal(r->net->stats.sent, 2);
		assert_int_equal(r->net->stats.received, 0);
		r->got = 0;
		clock_advance(&r->clock, 99);
		assert_int_equal(r->got, 1);
		clock_advance(&r->clock, 1);
		assert_int_equal(r->got, 2);
		assert_int_equal(r->f[0].at, 100);
		assert_int_equal(r->f[1].at, 150);
		assert_int_equal(r->f[1].len, 70);
		clock_advance(&r->clock, 1000);
		assert_int_equal(r->got, 2);
	}
	/* What comes in between after going back finds its place. */
	r->clock.now = 50;
	assert_int_equal(net_rewind(r->net, &err), 0);
	clock_advance(&r->clock, 1000);
	send_plain(r, 4, 60);
	clock_advance(&r->clock, 1000);
	assert_int_equal(net_input(r->net, "0123456789abcdef", 16, NULL, 10), 0);
	r->clock.now = 50;
	assert_int_equal(net_rewind(r->net, &err), 0);
	assert_int_equal(net_input(r->net, "0123456789abcdef", 16, NULL, 120), 0);
	r->got = 0;
	clock_advance(&r->clock, 1000);
	assert_int_equal(r->got, 3);
	assert_int_equal(r->f[1].len, 16);
	assert_int_equal(r->f[2].len, 70);
	r->net->live = true;
	assert_int_equal(net_mark(r->net, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "outside"));
	rig_close(r);
}

static void texts(void **state)
{
	static const struct {
		const char *spec, *says;
	} bad[] = {
		{"", "none of"},
		{"loops", "none of"},
		{"loop:", "none of"},
		{"pcap", "none of"},
		{"pcap:", "none of"},
		{"tap:", "none of"},
		{"loop,delay=x", "delay=x"},
		{"loop,delay=-1", "delay=-1"},
		{"loop,meta=2", "meta=2"},
		{"loop,fast=1", "no option 'fast=1'"},
		{"loop,now", "no NAME=VALUE"},
		{"null,delay=1", "no option"},
		{"loop,a=,b=,c=,d=,e=,f=,g=,h=,i=", "more than 8"},
		{"peer,ip=1.2.3", "ip=1.2.3"},
		{"peer,ip=1.2.3.256", "no A.B.C.D"},
		{"peer,ip=1.2.3.4x", "no A.B.C.D"},
		{"peer,mac=00:11:22:33:44", "mac=00"},
		{"pcap:/does/not/exist", "/does/not/exist"},
		{"script:/does/not/exist", "/does/not/exist"},
		{"tap:vise0", "nothing may come from outside"},
		{"user,open=1", "nothing may come from outside"},
		{"user,open=2", "open=2"},
		{"loop,out=/does/not/exist", "cannot write"},
	};
	struct net_env env;
	struct clock clock;
	struct net *n;
	(void)state;

	clock_init(&clock);
	env = (struct net_env){.clock = &clock};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = {0};

		assert_true(net_open(&n, bad[i].spec, &env, &err) < 0);
		assert_null(n);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].spec, err.msg);
		assert_true(net_open(&n, bad[i].spec, &env, NULL) < 0);
	}
	assert_int_equal(clock_next(&clock), CLOCK_NEVER);
}

/* ---- a capture of it ---------------------------------------------------------------------------------- */

static void captured(void **state)
{
	char dir[] = "/tmp/vise-net-XXXXXX", path[64], spec[128];
	struct pcap_record rec;
	struct err err = {0};
	struct pcap c;
	struct stat st;
	struct clock clock;
	struct net *n;
	struct rig *r;
	void *file;
	size_t len;
	(void)state;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.pcap", dir);
	(void)snprintf(spec, sizeof(spec), "loop,delay=1500000000,out=%s", path);
	r = rig_open(spec);
	clock_advance(&r->clock, 1000000001);
	send_plain(r, 5, 60);
	assert_int_equal(net_mark(r->net, &err), 0);
	send_plain(r, 6, 90);
	r->clock.now = 1000000001;
	assert_int_equal(net_rewind(r->net, &err), 0);
	clock_advance(&r->clock, 2000000000);
	/* It has another name until it is closed. */
	assert_int_equal(stat(path, &st), -1);
	rig_close(r);
	assert_int_equal(file_read(path, 1 << 20, &file, &len, &err), 0);
	assert_int_equal(pcap_open(&c, file, len, &err), 0);
	assert_int_equal(pcap_next(&c, &rec, &err), 1);
	assert_true(rec.ns == 1000000001);
	assert_int_equal(rec.len, 60);
	assert_int_equal(rec.data[59], 5);
	assert_int_equal(pcap_next(&c, &rec, &err), 1);
	assert_true(rec.ns == 2500000001);
	assert_int_equal(rec.len, 60);
	assert_int_equal(pcap_next(&c, &rec, &err), 0);
	free(file);
	/* What is no file is not replaced. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	clock_init(&clock);
	assert_int_equal(net_open(&n, spec, &(struct net_env){.clock = &clock}, &err), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0); /* and nothing is left over */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops),     cmocka_unit_test(waits),
		cmocka_unit_test(order),     cmocka_unit_test(offloads),
		cmocka_unit_test(link_down), cmocka_unit_test(snapshots),
		cmocka_unit_test(texts),     cmocka_unit_test(captured),
	};

	return cmocka_run_group_tests_name("net-cable", tests, NULL, NULL);
}
