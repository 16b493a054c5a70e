/* SPDX-License-Identifier: MIT */
/* The seeds of fuzz/targets/pcap.c: `pcap OUTDIR` writes captures of every form, good ones and not. */
#include <stdio.h>

#include <vmm/base.h>

static const char *dir;
static int failed;

static void put(const char *name, const void *p, size_t len)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    file_write(path, p, len, NULL)) {
		fprintf(stderr, "%s/%s: cannot write\n", dir, name);
		failed = 1;
	}
}

static void num(struct buf *b, uint32_t v, unsigned n, bool big)
{
	uint8_t p[4];

	for (unsigned i = 0; i < n; i++)
		p[big ? i : n - 1 - i] = (uint8_t)(v >> 8 * (n - 1 - i));
	buf_put(b, p, n);
}

static void record(struct buf *b, bool big, uint32_t sec, uint32_t len, uint32_t is)
{
	num(b, sec, 4, big);
	num(b, 999999, 4, big);
	num(b, len, 4, big);
	num(b, len, 4, big);
	for (uint32_t i = 0; i < is; i++)
		buf_put(b, &i, 1);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"little-us", "big-us", "little-ns", "big-ns"};

	if (argc != 2) {
		fprintf(stderr, "usage: pcap OUTDIR\n");
		return 2;
	}
	dir = argv[1];
	for (unsigned form = 0; form < 4; form++) {
		bool big = form & 1;
		struct buf b = {0};
		char name[64];

		num(&b, form & 2 ? 0xa1b23c4d : 0xa1b2c3d4, 4, big);
		num(&b, 2, 2, big);
		num(&b, 4, 2, big);
		num(&b, 0, 4, big);
		num(&b, 0, 4, big);
		num(&b, 65535, 4, big);
		num(&b, 1, 4, big);
		record(&b, big, 1700000000, 60, 60);
		record(&b, big, 1700000001, 0, 0);
		put(names[form], b.p, b.len);
		record(&b, big, 0xffffffff, 5000, 100);
		(void)snprintf(name, sizeof(name), "%s-cut", names[form]);
		put(name, b.p, b.len);
		(void)snprintf(name, sizeof(name), "%s-cut-header", names[form]);
		put(name, b.p, 24 + 7);
		b.p[big ? 23 : 20] = 101;
		(void)snprintf(name, sizeof(name), "%s-no-ethernet", names[form]);
		put(name, b.p, b.len);
		buf_free(&b);
	}
	put("short", "\xd4\xc3\xb2\xa1", 4);
	return failed;
}
