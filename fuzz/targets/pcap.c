/* SPDX-License-Identifier: MIT */
/*
 * pcap: the input is a capture file, read record by record.
 * @modules net
 *
 * Oracles: an independent reading of the file, by bytes and in another way, agrees on whether it is one,
 * on each record's place, length and time, and on where it ends; nothing beyond the end is looked at (the
 * input's own bounds); what was read and is written again reads the same.
 */
#include <stdlib.h>

#include <vmm/net.h>
#include <vmm/pcap.h>

#include <depth.h>
#include <oracle.h>

DEPTH_COUNTERS(refused, little_endian, big_endian, micro, nano, record_read, empty_record,
	       cut_record, cut_header, at_the_end, written_again);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 64u /* that are written again */

/* A number of (n) bytes, the first one the most significant if (big). */
static uint64_t number(const uint8_t *p, unsigned n, bool big)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[big ? i : n - 1 - i];
	return v;
}

/* Is it a capture: 0 no, 1 microseconds, 2 nanoseconds; in which order? */
static unsigned judge(const uint8_t *p, size_t size, bool *big)
{
	if (size < 24)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t magic = number(p, 4, i);

		*big = i;
		if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d)
			continue;
		if (number(p + 4, 2, i) != 2 || (number(p + 20, 4, i) & 0xfffffff) != 1)
			return 0;
		return magic == 0xa1b2c3d4 ? 1 : 2;
	}
	return 0;
}

static void check_record(const uint8_t *data, size_t at, const struct pcap_record *r, bool big,
			 unsigned form)
{
	uint64_t ns = number(data + at, 4, big) * 1000000000u +
		      number(data + at + 4, 4, big) * (form == 1 ? 1000u : 1u);

	FUZZ_ORACLE(r->data == data + at + 16 && r->len == number(data + at + 8, 4, big) &&
			    r->orig == number(data + at + 12, 4, big),
		    "record", "at %zu: %u bytes of %u", at, r->len, r->orig);
	FUZZ_ORACLE(r->ns == ns, "time", "at %zu: %llu, not %llu", at, (unsigned long long)r->ns,
		    (unsigned long long)ns);
	depth_hit(record_read);
	if (!r->len)
		depth_hit(empty_record);
}

/* One record as we write it: its time and bytes come out again. */
static void check_written(const struct pcap_record *r)
{
	uint8_t *f = malloc(PCAP_FILE_HEADER + PCAP_RECORD_HEADER + (size_t)r->len);
	struct pcap_record again;
	struct err err = {0};
	struct pcap c;

	if (!f)
		return;
	pcap_put_header(f, NET_FRAME_MAX);
	pcap_put_record(f + PCAP_FILE_HEADER, r->ns, r->len);
	memcpy(f + PCAP_FILE_HEADER + PCAP_RECORD_HEADER, r->data, r->len);
	FUZZ_ORACLE(
		!pcap_open(&c, f, PCAP_FILE_HEADER + PCAP_RECORD_HEADER + (size_t)r->len, &err) &&
			pcap_next(&c, &again, &err) == 1,
		"written", "%s", err.msg);
	/* Its field of seconds has 32 bits. */
	FUZZ_ORACLE(again.len == r->len && !memcmp(again.data, r->data, r->len) &&
			    (again.ns == r->ns || r->ns / 1000000000u > UINT32_MAX),
		    "written", "%u bytes at %llu", again.len, (unsigned long long)again.ns);
	FUZZ_ORACLE(!pcap_next(&c, &again, &err), "written", "more than one");
	free(f);
	depth_hit(written_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcap_record r = {0};
	struct err err = {0};
	size_t at = 24;
	struct pcap c;
	bool big = false;
	unsigned form = judge(data, size, &big);
	int rc = pcap_open(&c, data, size, &err);

	FUZZ_ORACLE(!rc == !!form && (!rc || (err.msg[0] && err.code == rc)), "open", "%d: %s", rc,
		    err.msg);
	if (rc) {
		depth_hit(refused);
		return 0;
	}
	if (big)
		depth_hit(big_endian);
	else
		depth_hit(little_endian);
	if (form == 1)
		depth_hit(micro);
	else
		depth_hit(nano);
	for (uint64_t n = 0;; n++) {
		size_t left = size - at;

		rc = pcap_next(&c, &r, &err);
		FUZZ_ORACLE(rc == (!left						    ? 0
				   : left < 16 || number(data + at + 8, 4, big) > left - 16 ? -22
											    : 1),
			    "next", "%d with %zu bytes left", rc, left);
		if (rc != 1) {
			FUZZ_ORACLE(c.record == n, "count", "%llu, not %llu",
				    (unsigned long long)c.record, (unsigned long long)n);
			break;
		}
		check_record(data, at, &r, big, form);
		if (n < RECORDS)
			check_written(&r);
		at += 16 + (size_t)r.len;
	}
	if (!rc)
		depth_hit(at_the_end);
	else if (size - at < 16)
		depth_hit(cut_header);
	else
		depth_hit(cut_record);
	return 0;
}
