/* SPDX-License-Identifier: MIT */
/*
 * initramfs: bytes through load_check_initramfs(). Asked of it: the same answer twice, a code of the
 * header's, one line; what is whole stays so with zeroes after it; and a plain archive is judged as a
 * second reading of the format does.
 *
 * An input is two bytes, the room for what is unpacked in units of 64 bytes, then the initramfs.
 * @modules load
 */
#include <errno.h>
#include <stdlib.h>

#include <vmm/load.h>
#include <vmm/unpack.h>

#include "depth.h"
#include "oracle.h"

#define HEAD 2u
#define MAX  65536u
#define TAIL 8u

DEPTH_COUNTERS(whole_archive, whole_packed, not_known, refused_damaged, refused_big);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int once(const uint8_t *p, size_t len, size_t tail, uint64_t max)
{
	uint8_t *copy = calloc(1, len + tail ? len + tail : 1);
	struct err err = {0};
	int rc;

	FUZZ_ORACLE(copy, "setup", "no memory");
	memcpy(copy, p, len);
	rc = load_check_initramfs(copy, len + tail, max, &err);
	FUZZ_ORACLE(!rc || rc == -ENOEXEC || rc == -E2BIG || rc == -ENOMEM, "error-code", "%d", rc);
	FUZZ_ORACLE(err.code == rc && !strchr(err.msg, '\n') && (rc == 0) == (err.msg[0] == 0),
		    "error-message", "%d: %s", err.code, err.msg);
	free(copy);
	return rc;
}

/* 1: archives and zeroes alone, all whole; 0: not whole; -1: something else is in it. */
static int plain(const uint8_t *p, size_t len)
{
	size_t at = 0;
	bool any = false;

	while (at < len) {
		char text[9] = {0};
		unsigned long long size, name;

		if (!p[at]) {
			at++;
			continue;
		}
		if (at % 4 || len - at < 6 ||
		    (memcmp(p + at, "070701", 6) != 0 && memcmp(p + at, "070702", 6) != 0))
			return -1;
		if (len - at < 110)
			return 0;
		memcpy(text, p + at + 54, 8);
		if (strspn(text, "0123456789abcdefABCDEF") != 8)
			return 0;
		size = strtoull(text, NULL, 16);
		memcpy(text, p + at + 94, 8);
		if (strspn(text, "0123456789abcdefABCDEF") != 8)
			return 0;
		name = strtoull(text, NULL, 16);
		if (!name || name > len - at - 110 || p[at + 110 + name - 1])
			return 0;
		at = (at + 110 + name + 3) / 4 * 4;
		if (at + size > len)
			return 0;
		at = (at + size + 3) / 4 * 4;
		any = true;
	}
	return any ? 1 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data + HEAD;
	uint64_t max;
	size_t len;
	int rc, want;

	if (size < HEAD || size > HEAD + MAX)
		return 0;
	max = (uint64_t)ld_le16(data) * 64;
	len = size - HEAD;
	rc = once(p, len, 0, max);
	FUZZ_ORACLE(once(p, len, 0, max) == rc, "repeat", "%d", rc);
	want = plain(p, len);
	FUZZ_ORACLE(want < 0 || (rc == 0) == (want == 1), "archive", "%d for %d", rc, want);
	/* zeroes may follow what is whole (but a .lzma stream knows no end then) */
	if (!rc && want == 1)
		FUZZ_ORACLE(!once(p, len, TAIL, max), "tail", "zeroes are not skipped");
	if (!rc && want == 1)
		depth_hit(whole_archive);
	else if (!rc && unpack_detect(p, len) != UNPACK_NONE)
		depth_hit(whole_packed);
	else if (!rc)
		depth_hit(not_known);
	else if (rc == -E2BIG)
		depth_hit(refused_big);
	else
		depth_hit(refused_damaged);
	return 0;
}
