/* SPDX-License-Identifier: MIT */
/*
 * The user network: DHCP's and the gateway's answers, TCP to the services behind it, the same in every
 * run, and back to a snapshot in the middle of it. Skipped where there is no libslirp.
 */
#include "test_net.h"
#include "user_service.h"

#define US	0x0a00020fu
#define SERVICE 0x0a000264u
#define MS	1000000ull

/* One end of a TCP connection, as simple as can be: what comes in order is taken and acknowledged. */
struct client {
	struct clock clock;
	struct net *net;
	uint64_t hash; /* of all that came, with its time */
	unsigned frames, pongs;
	uint16_t from, to;
	uint32_t seq, ack;
	bool up;
	struct buf data;
};

static void send_tcp(struct client *c, uint8_t flags, const void *data, size_t len)
{
	uint8_t f[1600], tcp[1500] = {0};
	size_t n;

	net_put_be16(tcp, c->from);
	net_put_be16(tcp + 2, c->to);
	net_put_be32(tcp + 4, c->seq);
	net_put_be32(tcp + 8, c->ack);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	net_put_be16(tcp + 14, 30000);
	memcpy(tcp + 20, data, len);
	n = make_ip4(f, NET_PROTO_TCP, US, SERVICE, tcp, 20 + len);
	net_put_be16(f + 34 + 16, net_csum_fold(net_csum_add(pseudo4(f, n), f + 34, n - 34)));
	c->seq += (uint32_t)len + !!(flags & 3);
	net_send(c->net, f, n, NULL);
}

static int client_frame(void *ctx, const void *frame, size_t len, const struct net_meta *m)
{
	struct client *c = ctx;
	const uint8_t *f = frame, *t = f + 34;
	size_t data;
	uint64_t now = clock_now(&c->clock);

	(void)m;
	c->frames++;
	c->hash = hash64(hash64(c->hash, &now, sizeof(now)), frame, len);
	if (len >= 42 && net_be16(f + 12) == NET_TYPE_IP4 && f[23] == NET_PROTO_ICMP && !f[34])
		c->pongs++;
	if (len < 54 || net_be16(f + 12) != NET_TYPE_IP4 || f[23] != NET_PROTO_TCP ||
	    net_be16(t + 2) != c->from)
		return 0;
	assert_int_equal(net_csum_fold(net_csum_add(pseudo4(f, 14u + net_be16(f + 16)), t,
						    net_be16(f + 16) - 20u)),
			 0);
	data = net_be16(f + 16) - 20u - (t[12] >> 4) * 4u;
	if (t[13] & 2) {
		c->up = true;
		c->ack = net_be32(t + 4) + 1;
	} else if (data && net_be32(t + 4) == c->ack) {
		buf_put(&c->data, t + (t[12] >> 4) * 4, data);
		c->ack += (uint32_t)data;
	}
	return 0;
}

static const struct net_receiver client_ear = {.frame = client_frame};

static struct client *client_new(uint16_t port)
{
	static const uint8_t arp[] =
		"\xff\xff\xff\xff\xff\xff\x52\x54\x00\x12\x34\x56\x08\x06"
		"\x00\x01\x08\x00\x06\x04\x00\x01\x52\x54\x00\x12\x34\x56\x0a\x00\x02\x0f"
		"\x00\x00\x00\x00\x00\x00\x0a\x00\x02\x02";
	struct client *c = calloc(1, sizeof(*c));
	struct err err = {0};

	assert_non_null(c);
	clock_init(&c->clock);
	c->from = 1234;
	c->to = port;
	c->seq = 1000;
	if (net_open(&c->net, "user", &(struct net_env){.clock = &c->clock}, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(net_receive(c->net, &client_ear, c), 0);
	net_send(c->net, arp, 42, NULL);
	assert_int_equal(c->frames, 1);
	return c;
}

static void client_free(struct client *c)
{
	assert_int_equal(net_receive(c->net, NULL, NULL), 0);
	net_close(c->net);
	assert_int_equal(clock_next(&c->clock), CLOCK_NEVER);
	buf_free(&c->data);
	free(c);
}

static void connect_it(struct client *c)
{
	c->up = false;
	send_tcp(c, 2, "", 0);
	for (unsigned i = 0; i < 10 && !c->up; i++)
		clock_advance(&c->clock, MS);
	assert_true(c->up);
	send_tcp(c, 0x10, "", 0);
}

/* Take and acknowledge until there are (len) bytes. */
static void fetch(struct client *c, size_t len)
{
	for (unsigned i = 0; i < 10000 && c->data.len < len; i++) {
		uint32_t ack = c->ack;

		clock_advance(&c->clock, MS);
		if (c->ack != ack || i % 100 == 99)
			send_tcp(c, 0x10, "", 0);
	}
	assert_int_equal(c->data.len, len);
}

static bool missing(void)
{
	int has = net_has_user();
	struct net *n;
	struct clock clock;
	struct err err = {0};

	if (has > 0)
		return false;
	clock_init(&clock);
	assert_int_equal(net_open(&n, "user", &(struct net_env){.clock = &clock}, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "install the package"));
	return true;
}

static void gateway(void **state)
{
	uint8_t icmp[40] = {8, 0, 0, 0, 0x12, 0x34, 0, 1}, f[100];
	struct client *c;
	size_t len;
	(void)state;

	if (missing())
		skip();
	c = client_new(80);
	net_put_be16(icmp + 2, net_csum_fold(net_csum_add(0, icmp, sizeof(icmp))));
	len = make_ip4(f, NET_PROTO_ICMP, US, 0x0a000202, icmp, sizeof(icmp));
	net_send(c->net, f, len, NULL);
	assert_int_equal(c->pongs, 1);
	/* Nobody outside answers, nor is asked: 8.8.8.8. */
	len = make_ip4(f, NET_PROTO_ICMP, US, 0x08080808, icmp, sizeof(icmp));
	net_send(c->net, f, len, NULL);
	clock_advance(&c->clock, 10000 * MS);
	assert_int_equal(c->pongs, 1);
	assert_int_equal(clock_next(&c->clock), CLOCK_NEVER); /* nothing to wait for */
	client_free(c);
}

static void http(void **state)
{
	static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
				   "70000\r\nConnection: close\r\n\r\n";
	const char *body;
	struct client *c;
	size_t len;
	(void)state;

	if (missing())
		skip();
	c = client_new(80);
	connect_it(c);
	send_tcp(c, 0x18, "GET /70000 HTTP/1.1\r\nHo", 23);
	clock_advance(&c->clock, MS);
	assert_int_equal(c->data.len, 0);
	send_tcp(c, 0x18, "st: x\r\n\r\n", 9);
	fetch(c, sizeof(head) - 1 + 70000);
	assert_memory_equal(c->data.p, head, sizeof(head) - 1);
	body = c->data.p + sizeof(head) - 1;
	for (unsigned i = 0; i < 70000; i += 64)
		assert_int_equal(body[i],
				 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
				 "VWXYZ"[(i + i / 64) % 62]);
	assert_int_equal(body[63], '\n');
	len = c->data.len;
	/* The same connection again, and what is not there. */
	send_tcp(c, 0x18, "GET /x HTTP/1.0\r\n\r\n", 19);
	fetch(c,
	      len + strlen("HTTP/1.0 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: "
			   "0\r\nConnection: close\r\n\r\n"));
	assert_non_null(strstr(c->data.p + len, "404"));
	client_free(c);
}

static void echo(void **state)
{
	struct client *c;
	(void)state;

	if (missing())
		skip();
	c = client_new(7);
	connect_it(c);
	send_tcp(c, 0x18, "hello", 5);
	fetch(c, 5);
	assert_memory_equal(c->data.p, "hello", 5);
	/* Another connection takes the service over: what the first one did not read is not for it. */
	send_tcp(c, 0x18, "old", 3);
	c->from = 1235;
	c->seq = 5000;
	c->data.len = 0;
	connect_it(c);
	send_tcp(c, 0x18, "new", 3);
	fetch(c, 3);
	assert_memory_equal(c->data.p, "new", 3);
	client_free(c);
}

/* The same bytes at the same times, whatever another machine in the process does. */
static void repeats(void **state)
{
	struct client *c, *other;
	uint64_t hash[2];
	(void)state;

	if (missing())
		skip();
	for (unsigned i = 0; i < 2; i++) {
		c = client_new(80);
		other = client_new(7);
		clock_advance(&other->clock, i ? 77777 * MS : 3);
		connect_it(c);
		if (i)
			connect_it(other);
		send_tcp(c, 0x18, "GET /20000 HTTP/1.0\r\n\r\n", 23);
		for (unsigned k = 0; k < 2000; k++) {
			uint32_t ack = c->ack;

			clock_advance(&c->clock, MS);
			if (i)
				clock_advance(&other->clock, 333 * MS);
			/* Some is lost, so that it is sent again. */
			if ((c->ack != ack && k % 3) || k % 50 == 49)
				send_tcp(c, 0x10, "", 0);
		}
		assert_true(c->data.len > 20000);
		hash[i] = c->hash;
		client_free(c);
		client_free(other);
	}
	assert_true(hash[0] == hash[1]);
}

static void snapshots(void **state)
{
	struct err err = {0};
	struct client *c, kept;
	uint64_t hash[3];
	(void)state;

	if (missing())
		skip();
	c = client_new(80);
	connect_it(c);
	send_tcp(c, 0x18, "GET /60000 HTTP/1.0\r\n\r\n", 23);
	clock_advance(&c->clock, 3 * MS);
	send_tcp(c, 0x10, "", 0);
	assert_true(c->data.len > 1000 && c->data.len < 50000);
	assert_int_equal(net_mark(c->net, &err), 0);
	kept = *c;
	for (unsigned i = 0; i < 3; i++) {
		if (i) {
			/* Its buffer may have moved since. */
			c->data.len = kept.data.len;
			c->seq = kept.seq;
			c->ack = kept.ack;
			c->hash = kept.hash;
			c->clock.now = kept.clock.now;
			assert_int_equal(net_rewind(c->net, &err), 0);
		}
		fetch(c, 60000 + strlen("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"
					"Content-Length: 60000\r\nConnection: close\r\n\r\n"));
		hash[i] = c->hash;
	}
	assert_true(hash[0] == hash[1] && hash[0] == hash[2]);
	client_free(c);
}

/* ---- the services without a library ------------------------------------------------------------------- */

static size_t make_syn(uint8_t *f, uint16_t port, uint8_t flags)
{
	uint8_t tcp[20] = {0};

	net_put_be16(tcp + 2, port);
	tcp[13] = flags;
	return make_ip4(f, NET_PROTO_TCP, US, SERVICE, tcp, 20);
}

static void services(void **state)
{
	static struct user_service s[USER_SERVICES];
	static uint8_t big[USER_UNREAD], out[USER_UNREAD + 10];
	uint8_t f[100];
	size_t len, n = 0;
	(void)state;

	s[USER_HTTP].http = true;
	/* Connections are bounded, each port by itself; other frames pass. */
	for (unsigned i = 0; i < USER_CONNECTIONS; i++)
		assert_true(user_service_watch(s, SERVICE, f, make_syn(f, 80, 2)));
	assert_false(user_service_watch(s, SERVICE, f, make_syn(f, 80, 2)));
	assert_true(user_service_watch(s, SERVICE, f, make_syn(f, 80, 0x10)));
	assert_true(user_service_watch(s, SERVICE, f, make_syn(f, 7, 2)));
	assert_true(user_service_watch(s, SERVICE, f, make_syn(f, 8, 2)));
	assert_true(user_service_watch(s, SERVICE + 1, f, make_syn(f, 80, 2)));
	len = make_syn(f, 80, 2);
	for (size_t cut = 14; cut < len; cut++)
		assert_true(user_service_watch(s, SERVICE, f, cut));
	f[14] = 0x4f;
	assert_true(user_service_watch(s, SERVICE, f, len));
	/* An echo that nobody reads ends somewhere, and goes on when it is read. */
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 3);
	user_service_hear(&s[USER_ECHO], big, 60000);
	user_service_hear(&s[USER_ECHO], big + 60000, 5000);
	assert_int_equal(user_service_take(&s[USER_ECHO], out, 1000), 1000);
	user_service_hear(&s[USER_ECHO], big, sizeof(big));
	while (user_service_has(&s[USER_ECHO]))
		n += user_service_take(&s[USER_ECHO], out + n, 4096);
	assert_int_equal(n, USER_UNREAD);
	assert_memory_equal(out, big + 1000, 64000);
	assert_memory_equal(out + 64000, big, 1536);
	/* A request's first line is cut, a new request ends the old answer. */
	user_service_hear(&s[USER_HTTP], (const uint8_t *)"GET /99 HTTP/1.0\r\n\rx\r\n\r\n", 24);
	assert_true(user_service_take(&s[USER_HTTP], out, 150) == 150);
	memset(big, 'x', 500);
	user_service_hear(&s[USER_HTTP], big, 500);
	user_service_hear(&s[USER_HTTP], (const uint8_t *)"\r\n\r\n", 4);
	(void)user_service_take(&s[USER_HTTP], out, 500);
	assert_memory_equal(out, "HTTP/1.0 404", 12);
	assert_false(user_service_has(&s[USER_HTTP]));
	/* Not more than there may be. */
	user_service_hear(&s[USER_HTTP], (const uint8_t *)"GET /1073741825 HTTP/1.0\r\n\r\n", 28);
	(void)user_service_take(&s[USER_HTTP], out, 500);
	assert_memory_equal(out, "HTTP/1.0 404", 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gateway), cmocka_unit_test(http),	cmocka_unit_test(echo),
		cmocka_unit_test(repeats), cmocka_unit_test(snapshots), cmocka_unit_test(services),
	};

	return cmocka_run_group_tests_name("net-user", tests, NULL, NULL);
}
