/* SPDX-License-Identifier: MIT */
/* Checksums against the words of RFC 1071, and segments against what they were made of. */
#include "test_net.h"

/* A byte at a time, as the RFC has it in words. */
static uint16_t slow_sum(const uint8_t *p, size_t len, uint32_t start)
{
	uint64_t s = start;

	for (size_t i = 0; i < len; i++)
		s += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (s > 0xffff)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void sums(void **state)
{
	/* RFC 1071, section 3 */
	static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	struct rng rng = {1};
	uint8_t b[300];
	(void)state;

	assert_int_equal(net_csum_fold(net_csum_add(0, example, 8)), (uint16_t)~0xddf2);
	assert_int_equal(net_csum_fold(0), 0xffff);
	for (unsigned i = 0; i < 500; i++) {
		size_t len = rng_next(&rng) % sizeof(b);
		uint32_t start = (uint32_t)rng_next(&rng);

		for (size_t k = 0; k < len; k++)
			b[k] = i % 3 ? (uint8_t)rng_next(&rng) : 0xff;
		assert_int_equal(net_csum_fold(net_csum_add(start, b, len)),
				 slow_sum(b, len, start));
	}
}

static void completion(void **state)
{
	uint8_t f[64];
	struct net_meta m = {.flags = NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
	(void)state;

	memset(f, 0x11, sizeof(f));
	net_put_be16(f + 40, 0x2222); /* what the pseudo header gave */
	assert_int_equal(net_csum_complete(f, sizeof(f), &m), 0);
	/* With the sum in it, what is summed is all ones, and the pseudo header's part is missing. */
	assert_int_equal(slow_sum(f + 34, 30, 0x2222), 0);
	/* A sum of 0 is written as all ones. */
	memset(f + 34, 0, 30);
	net_put_be16(f + 40, 0xffff);
	assert_int_equal(net_csum_complete(f, sizeof(f), &m), 0);
	assert_int_equal(net_be16(f + 40), 0xffff);
	m.csum_start = 56;
	assert_int_equal(net_csum_complete(f, sizeof(f), &m), 0);
	m.csum_start = 57;
	assert_int_equal(net_csum_complete(f, sizeof(f), &m), -EINVAL);
	m.csum_start = m.csum_offset = UINT16_MAX;
	assert_int_equal(net_csum_complete(f, sizeof(f), &m), -EINVAL);
}

/* ---- segments ----------------------------------------------------------------------------------------- */

#define DATA 5000u

struct big {
	uint8_t f[NET_FRAME_MAX];
	size_t len, header;
	bool v6;
	unsigned vlans;
	/* what was made of it */
	unsigned n;
	uint32_t seq, done, mss;
	int stop_at; /* -1: never */
};

/* TCP of DATA bytes behind (vlans) tags; flags FIN, PSH, ACK, CWR. */
static void make_big(struct big *b, bool v6, unsigned vlans, unsigned tcp_options)
{
	uint8_t *p = b->f;

	memset(b, 0, sizeof(*b));
	b->v6 = v6;
	b->vlans = vlans;
	b->stop_at = -1;
	memset(p, 0x42, 12);
	p += 12;
	for (unsigned i = 0; i < vlans; i++, p += 4) {
		net_put_be16(p, i ? NET_TYPE_VLAN : NET_TYPE_QINQ);
		net_put_be16(p + 2, 7);
	}
	net_put_be16(p, v6 ? NET_TYPE_IP6 : NET_TYPE_IP4);
	p += 2;
	if (v6) {
		p[0] = 0x60;
		p[6] = 0; /* hop-by-hop options first */
		p[7] = 64;
		memset(p + 8, 0x33, 32);
		p += 40;
		p[0] = NET_PROTO_TCP;
		p += 8;
	} else {
		p[0] = 0x46; /* with 4 bytes of options */
		net_put_be16(p + 4, 0xfffe);
		p[8] = 64;
		p[9] = NET_PROTO_TCP;
		net_put_be32(p + 12, 0x0a000001);
		net_put_be32(p + 16, 0x0a000002);
		p += 24;
	}
	net_put_be16(p, 1000);
	net_put_be16(p + 2, 80);
	net_put_be32(p + 4, 0xffffff00);
	p[12] = (uint8_t)((5 + tcp_options) << 4);
	p[13] = 0x80 | 0x10 | 0x08 | 0x01;
	p += 20 + 4 * (size_t)tcp_options;
	b->header = (size_t)(p - b->f);
	for (unsigned i = 0; i < DATA; i++)
		p[i] = (uint8_t)(i * 7 + i / 256);
	b->len = b->header + DATA;
	b->seq = 0xffffff00;
}

static int judge_segment(void *ctx, const void *frame, size_t len)
{
	struct big *b = ctx;
	const uint8_t *f = frame, *ip = f + 14 + 4 * (size_t)b->vlans;
	const uint8_t *tcp = ip + (b->v6 ? 48 : 24);
	size_t data = len - b->header;
	uint32_t tcp_len = (uint32_t)(f + len - tcp), sum;
	bool last = b->done + data == DATA;

	if ((int)b->n == b->stop_at)
		return -EPIPE;
	assert_true(last || data == b->mss);
	assert_memory_equal(f, b->f, 14 + 4 * b->vlans);
	assert_memory_equal(f + b->header, b->f + b->header + b->done, data);
	assert_int_equal(net_be32(tcp + 4), b->seq + b->done);
	assert_int_equal(tcp[13] & 0x09, last ? 0x09 : 0);
	assert_int_equal(tcp[13] & 0x80, b->n ? 0 : 0x80);
	if (b->v6) {
		assert_int_equal(net_be16(ip + 4), len - (size_t)(ip - f) - 40);
		sum = net_csum_add(NET_PROTO_TCP + tcp_len, ip + 8, 32);
	} else {
		assert_int_equal(net_be16(ip + 2), len - (size_t)(ip - f));
		assert_int_equal(net_be16(ip + 4), (uint16_t)(0xfffe + b->n));
		assert_int_equal(slow_sum(ip, 24, 0), 0);
		sum = net_csum_add(NET_PROTO_TCP + tcp_len, ip + 12, 8);
	}
	assert_int_equal(slow_sum(tcp, tcp_len, sum), 0);
	b->n++;
	b->done += (uint32_t)data;
	return 0;
}

static void segments(void **state)
{
	static uint8_t room[NET_FRAME_MAX];
	static struct big b;
	(void)state;

	for (unsigned k = 0; k < 2 * 3 * 2; k++) {
		static const uint16_t sizes[] = {1460, 1000, 536, 5000, 60000, 5};

		make_big(&b, k & 1, k / 2 % 3, k / 6 ? 3 : 0);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct net_meta m = {.gso = (b.v6 ? NET_GSO_TCP6 : NET_GSO_TCP4) |
						    NET_GSO_ECN,
					     .gso_size = sizes[i]};

			b.n = b.done = 0;
			b.mss = sizes[i];
			assert_int_equal(net_segment(b.f, b.len, &m, room, judge_segment, &b), 0);
			assert_int_equal(b.done, DATA);
			assert_int_equal(b.n, (DATA + sizes[i] - 1) / sizes[i]);
		}
	}
	/* Who does not want more is not given more. */
	b.n = b.done = 0;
	b.mss = 1000;
	b.stop_at = 2;
	assert_int_equal(net_segment(b.f, b.len,
				     &(struct net_meta){.gso = NET_GSO_TCP6, .gso_size = 1000},
				     room, judge_segment, &b),
			 -EPIPE);
	assert_int_equal(b.n, 2);
}

static int count(void *ctx, const void *frame, size_t len)
{
	(void)frame;
	(void)len;
	++*(unsigned *)ctx;
	return 0;
}

/* What the frame contradicts is refused before anything is put. */
static void no_segments(void **state)
{
	static uint8_t room[NET_FRAME_MAX];
	static struct big b;
	static const struct {
		int at; /* from the IP header; -1: in the metadata */
		uint8_t val;
	} bad4[] = {{0, 0x65}, {0, 0x44}, {0, 0x4f},  {6, 0x20},
		    {7, 1},    {9, 17},	  {36, 0x40}, {-2, 0x09}},
	  bad6[] = {{0, 0x46}, {6, 17}, {40, 44}, {41, 255}, {60, 0x10}};
	struct net_meta m = {.gso = NET_GSO_TCP4, .gso_size = 1000};
	unsigned n = 0;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(bad4); i++) {
		make_big(&b, false, 0, 0);
		b.f[14 + bad4[i].at] = bad4[i].val;
		if (bad4[i].val == 0x4f)
			b.len = 60; /* the IP header goes beyond the end */
		assert_int_equal(net_segment(b.f, b.len, &m, room, count, &n), -EINVAL);
	}
	m.gso = NET_GSO_TCP6;
	for (size_t i = 0; i < ARRAY_SIZE(bad6); i++) {
		make_big(&b, true, 0, 0);
		b.f[14 + bad6[i].at] = bad6[i].val;
		if (bad6[i].val == 255)
			b.len = 200;
		assert_int_equal(net_segment(b.f, b.len, &m, room, count, &n), -EINVAL);
	}
	/* Every cut, the metadata, and one that would be too many. */
	for (unsigned v6 = 0; v6 < 2; v6++) {
		make_big(&b, v6, 1, 2);
		m.gso = v6 ? NET_GSO_TCP6 : NET_GSO_TCP4;
		for (size_t len = 0; len < b.header; len++)
			assert_int_equal(net_segment(b.f, len, &m, room, count, &n), -EINVAL);
		assert_int_equal(n, 0);
		assert_int_equal(net_segment(b.f, b.header, &m, room, count, &n), 0);
		assert_int_equal(n, 1);
		n = 0;
		m.gso = v6 ? NET_GSO_TCP4 : NET_GSO_TCP6;
		assert_int_equal(net_segment(b.f, b.len, &m, room, count, &n), -EINVAL);
	}
	m.gso = NET_GSO_UDP;
	assert_int_equal(net_segment(b.f, b.len, &m, room, count, &n), -EINVAL);
	m.gso = NET_GSO_TCP6;
	m.gso_size = 0;
	assert_int_equal(net_segment(b.f, b.len, &m, room, count, &n), -EINVAL);
	m.gso_size = 4;
	assert_int_equal(net_segment(b.f, b.len, &m, room, count, &n), -EINVAL);
	m.gso_size = 5;
	assert_int_equal(net_segment_check(b.f, b.len, &m), 0);
	assert_int_equal(net_segment(b.f, NET_FRAME_MAX + 1, &m, room, count, &n), -EINVAL);
	/* 65536 bytes have no length field. */
	make_big(&b, false, 0, 0);
	m = (struct net_meta){.gso = NET_GSO_TCP4, .gso_size = UINT16_MAX};
	assert_int_equal(net_segment(b.f, NET_FRAME_MAX, &m, room, count, &n), -EINVAL);
	assert_int_equal(n, 0);
}

static void flows(void **state)
{
	static struct big b;
	uint32_t flow;
	uint8_t port[2];
	(void)state;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint8_t *ports = b.f + (v6 ? 54 : 34), *addrs = b.f + (v6 ? 22 : 26);
		size_t len = v6 ? 16 : 4;
		uint8_t addr[16];

		make_big(&b, v6, 0, 0);
		addrs[0] = 7;
		ports[3] = 9;
		flow = net_flow(b.f, b.len);
		/* The way back is the same flow. */
		memcpy(addr, addrs, len);
		memmove(addrs, addrs + len, len);
		memcpy(addrs + len, addr, len);
		memcpy(port, ports, 2);
		memmove(ports, ports + 2, 2);
		memcpy(ports + 2, port, 2);
		assert_int_equal(net_flow(b.f, b.len), flow);
		ports[0]++;
		assert_int_not_equal(net_flow(b.f, b.len), flow);
		ports[0]--;
		addrs[len - 1]++;
		assert_int_not_equal(net_flow(b.f, b.len), flow);
		for (size_t cut = 0; cut < 60; cut++)
			(void)net_flow(b.f, cut);
		b.f[12] ^= 1;
		assert_int_equal(net_flow(b.f, b.len), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),	    cmocka_unit_test(completion),
		cmocka_unit_test(segments), cmocka_unit_test(no_segments),
		cmocka_unit_test(flows),
	};

	return cmocka_run_group_tests_name("net-frame", tests, NULL, NULL);
}
