/* SPDX-License-Identifier: MIT */
/*
 * The seeds of fuzz/targets/qcow2.c: `qcow2 OUTDIR` writes one file for each subject: images of both
 * versions, with and without what they may hold, and damaged ones. Together they leave none of the
 * target's depth counters at zero.
 */
#include <stdio.h>

#include "../../vmm/blk/test_qcow2.h"

#define RW	  0
#define RO	  1
#define SNAPSHOT  2
#define SIZE	  (100 * 512u)
#define OPS(...)  (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) / 4
#define W(at, n)  0, (at), (n)-1, 0x77
#define P(at, in) 2, (at), (in) / 2, 0x55
#define Z(at, n)  3, (at), (n)-1, 0
#define D(at, n)  4, (at), (n)-1, 0
#define AT_END	  5, 0, 0, 0

static const char *dir;
static int failed;

static void put(const char *name, uint8_t how, uint8_t full_at, const uint8_t *ops, size_t nr,
		const struct image *m)
{
	struct buf b = {0};
	const uint8_t head[3] = {how, full_at, (uint8_t)nr};
	char path[4096];

	buf_put(&b, head, 3);
	buf_put(&b, ops, 4 * nr);
	buf_put(&b, m->p, m->len);
	if (b.failed || snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    file_write(path, b.p, b.len, NULL)) {
		fprintf(stderr, "%s/%s: cannot write\n", dir, name);
		failed = 1;
	}
	buf_free(&b);
}

static void fill(struct image *m, uint32_t bits, uint32_t version)
{
	uint8_t data[4096];

	memset(data, 0x33, sizeof(data));
	image_put(m, 0, data);
	image_put(m, 3, data);
	(void)image_put_compressed(m, 5, data);
	if (version >= 3) {
		image_put_zero(m, 6, false);
		image_put_zero(m, 7, true);
	}
	if (bits == 9)
		image_put(m, 70, data);
}

static void damaged(struct image *m, const struct image_spec *s)
{
	static const struct {
		const char *name;
		uint32_t at, n;
		uint64_t v;
	} patches[] = {
		{"dirty", 72, 8, 1},	    {"corrupt", 72, 8, 2},
		{"extended-l2", 72, 8, 16}, {"unknown", 72, 8, 1ull << 50},
		{"encrypted", 32, 4, 1},    {"l1-size", 36, 4, 1u << 22},
		{"l1-offset", 40, 8, 1536}, {"bits", 20, 4, 21},
		{"order", 96, 4, 6},	    {"reftable", 48, 8, 1ull << 62},
		{"counts", 1024, 2, 7},	    {"free-header", 1024, 2, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
		char name[64];

		image_make(m, s);
		fill(m, s->cluster_bits, s->version);
		be(m->p + patches[i].at, patches[i].n, patches[i].v);
		(void)snprintf(name, sizeof(name), "%s-rw", patches[i].name);
		put(name, RW, 0, OPS(W(0, 4), W(9, 2)), m);
		(void)snprintf(name, sizeof(name), "%s-ro", patches[i].name);
		put(name, RO, 0, OPS(W(0, 4), W(5, 2)), m);
	}
}

int main(int argc, char **argv)
{
	static const struct image_spec specs[] = {
		{2, 9, 4, SIZE, NULL, NULL},	   {3, 9, 4, SIZE, NULL, NULL},
		{3, 9, 1, SIZE, "base", "raw"},	   {3, 10, 6, SIZE, "base", NULL},
		{2, 10, 4, SIZE, "base", "qcow2"}, {3, 12, 0, SIZE, NULL, NULL},
	};
	struct image m = {0};
	uint8_t data[4096];
	char name[64];

	if (argc != 2) {
		fprintf(stderr, "usage: qcow2 OUTDIR\n");
		return 2;
	}
	dir = argv[1];
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		const struct image_spec *s = &specs[i];

		image_make(&m, s);
		(void)snprintf(name, sizeof(name), "empty-%zu", i);
		put(name, RW, 0, OPS(W(0, 3), Z(0, 2), D(1, 9), P(40, 100), AT_END), &m);
		fill(&m, s->cluster_bits, s->version);
		(void)snprintf(name, sizeof(name), "filled-%zu", i);
		put(name, RW, 0, OPS(P(0, 40), P(10, 200), W(5, 16), D(0, 16), Z(30, 16), AT_END),
		    &m);
		(void)snprintf(name, sizeof(name), "full-%zu", i);
		put(name, RW, (uint8_t)(4 + i), OPS(W(1, 1), Z(0, 2), W(20, 9), W(60, 2)), &m);
		(void)snprintf(name, sizeof(name), "read-%zu", i);
		put(name, RO, 0, OPS(W(1, 1), W(5, 1)), &m);
		if (!s->order)
			continue; /* two references do not fit in a bit */
		image_snapshot(&m, "1", "snap");
		(void)snprintf(name, sizeof(name), "snapshot-%zu", i);
		put(name, RW, 0, OPS(P(0, 40), P(10, 200), W(5, 16), D(0, 16), W(30, 4)), &m);
		(void)snprintf(name, sizeof(name), "snapshot-read-%zu", i);
		put(name, RO | SNAPSHOT, 0, OPS(W(1, 1), W(5, 1)), &m);
	}
	image_make(&m, &specs[1]);
	fill(&m, 9, 3);
	m.len -= 300;
	put("cut", RO, 0, OPS(W(70, 1)), &m);
	m.len = 2000;
	put("cut-tables", RO, 0, OPS(W(70, 1)), &m);
	image_make(&m, &specs[1]);
	(void)image_put_compressed(&m, 1, m.p);
	m.p[m.len - 512] = 0xff;
	put("not-deflated", RW, 0, OPS(P(1, 4), W(1, 1)), &m);
	image_make(&m, &specs[5]);
	image_compression(&m, 1);
	memset(data, 0x33, sizeof(data));
	(void)image_put_zstd(&m, 0, data, 1);
	(void)image_put_zstd(&m, 2, data, 4);
	put("zstd", RW, 0, OPS(W(0, 4), P(1, 4), W(16, 9)), &m);
	put("zstd-read", RO, 0, OPS(W(0, 4), W(16, 9)), &m);
	m.p[m.len - 4096] ^= 0xff;
	put("not-zstd", RW, 0, OPS(W(16, 4), P(16, 8)), &m);
	damaged(&m, &specs[1]);
	free(m.p);
	return failed;
}
