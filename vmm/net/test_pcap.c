/* SPDX-License-Identifier: MIT */
/* Captures: every form of the header, records cut and lying, and playing them. */
#include "test_net.h"

#include <unistd.h>

struct file {
	uint8_t b[4096];
	size_t len;
	bool big, nano;
};

static void put32(struct file *f, uint32_t v)
{
	if (f->big)
		net_put_be32(f->b + f->len, v);
	else
		st_le32(f->b + f->len, v);
	f->len += 4;
}

static void begin(struct file *f, bool big, bool nano)
{
	*f = (struct file){.big = big, .nano = nano};
	put32(f, nano ? 0xa1b23c4d : 0xa1b2c3d4);
	put32(f, big ? 0x00020004 : 0x00040002);
	put32(f, 0);
	put32(f, 0);
	put32(f, 65535);
	put32(f, 0x10000000 | PCAP_ETHERNET); /* with a length of the check sequence */
}

static void record(struct file *f, uint32_t sec, uint32_t fraction, uint32_t len, uint32_t orig)
{
	put32(f, sec);
	put32(f, fraction);
	put32(f, len);
	put32(f, orig);
	memset(f->b + f->len, (int)len, len);
	f->len += len;
}

static void all_forms(void **state)
{
	struct pcap_record r;
	struct err err = {0};
	struct pcap c;
	struct file f;
	(void)state;

	for (unsigned form = 0; form < 4; form++) {
		begin(&f, form & 1, form & 2);
		record(&f, 1700000000, 123456, 20, 25);
		record(&f, 0xffffffff, 0xffffffff, 0, 0);
		assert_int_equal(pcap_open(&c, f.b, f.len, &err), 0);
		assert_int_equal(c.snaplen, 65535);
		assert_int_equal(pcap_next(&c, &r, &err), 1);
		assert_true(r.ns == 1700000000ull * 1000000000 + 123456 * (form & 2 ? 1 : 1000));
		assert_int_equal(r.len, 20);
		assert_int_equal(r.orig, 25);
		assert_int_equal(r.data[19], 20);
		assert_int_equal(pcap_next(&c, &r, &err), 1);
		assert_int_equal(r.len, 0);
		assert_int_equal(pcap_next(&c, &r, &err), 0);
		assert_int_equal(pcap_next(&c, &r, &err), 0);
		/* Every cut is an end or an error. */
		for (size_t len = 0; len < f.len; len++) {
			int rc = pcap_open(&c, f.b, len, &err);

			assert_int_equal(rc, len < PCAP_FILE_HEADER ? -EINVAL : 0);
			while (!rc)
				rc = pcap_next(&c, &r, &err) - 1;
			if (len >= PCAP_FILE_HEADER)
				assert_int_equal(rc + 1, len == 24 || len == 60 ? 0 : -EINVAL);
		}
	}
}

static void lies(void **state)
{
	static const struct {
		unsigned at;
		uint32_t val;
		const char *says;
	} bad[] = {
		{0, 0x0a0d0d0a, "pcapng"},
		{0, 0, "does not begin"},
		{4, 0x00040003, "version 3"},
		{20, 101, "link type 101"},
		{32, 21, "record 0 at byte 24 is of 21 bytes, and 20 are left"},
		{32, 0xffffffff, "4294967295 bytes"},
	};
	struct pcap_record r;
	struct err err;
	struct pcap c;
	struct file f;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int rc;

		begin(&f, false, false);
		record(&f, 1, 2, 20, 20);
		st_le32(f.b + bad[i].at, bad[i].val);
		err = (struct err){0};
		rc = pcap_open(&c, f.b, f.len, &err);
		if (!rc)
			rc = pcap_next(&c, &r, &err);
		assert_int_equal(rc, -EINVAL);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("%s: %s", bad[i].says, err.msg);
	}
}

static void written_is_read(void **state)
{
	uint8_t b[PCAP_FILE_HEADER + PCAP_RECORD_HEADER + 3];
	struct pcap_record r;
	struct pcap c;
	(void)state;

	pcap_put_header(b, 1000);
	pcap_put_record(b + PCAP_FILE_HEADER, 5000000007ull, 3);
	memcpy(b + sizeof(b) - 3, "abc", 3);
	assert_int_equal(pcap_open(&c, b, sizeof(b), NULL), 0);
	assert_true(c.nano && !c.swapped);
	assert_int_equal(pcap_next(&c, &r, NULL), 1);
	assert_true(r.ns == 5000000007ull);
	assert_memory_equal(r.data, "abc", 3);
	assert_int_equal(pcap_next(&c, &r, NULL), 0);
}

static void plays(void **state)
{
	char path[] = "/tmp/vise-net-XXXXXX", spec[64];
	struct err err = {0};
	struct file f;
	struct net *n;
	struct rig *r;
	int fd = mkstemp(path);
	(void)state;

	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(spec, sizeof(spec), "pcap:%s", path);
	begin(&f, false, false);
	record(&f, 100, 0, 13, 13); /* no frame, but time begins with it */
	record(&f, 100, 2, 14, 14);
	record(&f, 100, 5, 60, 61); /* cut by who captured it */
	record(&f, 100, 1, 61, 61); /* time went back */
	record(&f, 101, 0, 62, 62);
	record(&f, 101, 1, 10, 10);
	assert_int_equal(file_write(path, f.b, f.len, &err), 0);
	r = rig_open(spec);
	send_plain(r, 1, 60);
	clock_advance(&r->clock, 1999);
	assert_int_equal(r->got, 0);
	clock_advance(&r->clock, 1);
	assert_int_equal(r->got, 2);
	assert_int_equal(r->f[0].len, 14);
	assert_int_equal(r->f[1].len, 61);
	assert_int_equal(net_mark(r->net, &err), 0);
	for (unsigned i = 0; i < 2; i++) {
		clock_advance(&r->clock, 2000000000);
		assert_int_equal(r->got, 3);
		assert_int_equal(r->f[2].len, 62);
		assert_int_equal(r->f[2].at, 1000000000);
		r->clock.now = 2000;
		assert_int_equal(net_rewind(r->net, &err), 0);
		r->got = 2;
	}
	rig_close(r);
	/* One without any frame, and one that is cut short. */
	begin(&f, true, true);
	assert_int_equal(file_write(path, f.b, f.len, &err), 0);
	r = rig_open(spec);
	assert_int_equal(clock_next(&r->clock), CLOCK_NEVER);
	record(&f, 1, 1, 60, 60);
	assert_int_equal(file_write(path, f.b, f.len - 1, &err), 0);
	assert_int_equal(net_open(&n, spec, &r->env, &err), -EINVAL);
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, "record 0"));
	rig_close(r);
	assert_int_equal(remove(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms),
		cmocka_unit_test(lies),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(plays),
	};

	return cmocka_run_group_tests_name("pcap", tests, NULL, NULL);
}
