/* SPDX-License-Identifier: MIT */
/*
 * unpack: compressed bytes of every format through unpack(), with the room that the input says. What
 * is asked of it: nothing outside of input and output is touched; a refusal is one of the header's;
 * a stream that is accepted gives the same bytes again with just enough room, does not fit in one
 * byte less, and needs nothing of what follows it.
 *
 * An input is three bytes, then the stream: which format (0: as detected), the room in units of 64 bytes
 * (16 bits).
 * @modules unpack
 */
#include <errno.h>
#include <stdlib.h>

#include <vmm/unpack.h>

#include "depth.h"
#include "oracle.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if __has_feature(address_sanitizer) || defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define HEAD 3u
#define IN   65536u
#define OUT  (65535u * 64)

DEPTH_COUNTERS(gzip, bzip2, lzma, xz, lz4, zstd, refused_damaged, refused_big, refused_format,
	       with_tail);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	bool ready;
	uint8_t in[IN + 64] __attribute__((aligned(64)));
	uint8_t out[OUT + 64] __attribute__((aligned(64)));
	uint8_t first[OUT];
} u;

struct outcome {
	int rc;
	size_t made, used;
};

static struct outcome once(enum unpack_format f, size_t len, size_t cap)
{
	struct outcome o;
	struct err err = {0};

	UNPOISON(u.in, len);
	UNPOISON(u.out, cap);
	o.rc = unpack(f, u.in, len, u.out, cap, &o.made, &o.used, &err);
	FUZZ_ORACLE(o.made <= cap && o.used <= len, "bounds", "0x%zx of 0x%zx made, 0x%zx of 0x%zx",
		    o.made, cap, o.used, len);
	if (o.rc) {
		FUZZ_ORACLE(o.rc == -ENOEXEC || o.rc == -E2BIG || o.rc == -ENOTSUP ||
				    o.rc == -EINVAL,
			    "error-code", "%d: %s", o.rc, err.msg);
		FUZZ_ORACLE(err.code == o.rc && err.msg[0] && !strchr(err.msg, '\n'),
			    "error-message", "%d: %s", err.code, err.msg);
		FUZZ_ORACLE(!o.made && !o.used, "error-lengths", "0x%zx, 0x%zx", o.made, o.used);
	}
	return o;
}

/* Poison beyond what the next call may touch. */
static void limit(size_t len, size_t cap)
{
	POISON(u.in, sizeof(u.in));
	POISON(u.out, sizeof(u.out));
	UNPOISON(u.in, len);
	UNPOISON(u.out, cap);
}

static void again(enum unpack_format f, const struct outcome *o)
{
	struct outcome n;

	memcpy(u.first, u.out, o->made);
	limit(o->used, o->made);
	n = once(f, o->used, o->made);
	FUZZ_ORACLE(!n.rc && n.made == o->made && n.used == o->used, "repeat",
		    "%d, 0x%zx for 0x%zx, 0x%zx for 0x%zx", n.rc, n.made, o->made, n.used, o->used);
	FUZZ_ORACLE(!memcmp(u.first, u.out, o->made), "repeat", "other bytes");
	if (!o->made)
		return;
	limit(o->used, o->made - 1);
	n = once(f, o->used, o->made - 1);
	FUZZ_ORACLE(n.rc == -E2BIG || (n.rc == -ENOEXEC && f == UNPACK_LZ4), "too-big", "%d", n.rc);
}

static void count(enum unpack_format f, const struct outcome *o, size_t len)
{
	switch (f) {
	case UNPACK_GZIP:
		depth_hit(gzip);
		break;
	case UNPACK_BZIP2:
		depth_hit(bzip2);
		break;
	case UNPACK_LZMA:
		depth_hit(lzma);
		break;
	case UNPACK_XZ:
		depth_hit(xz);
		break;
	case UNPACK_LZ4:
		depth_hit(lz4);
		break;
	default:
		depth_hit(zstd);
		break;
	}
	if (o->used < len)
		depth_hit(with_tail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum unpack_format f;
	struct outcome o;
	size_t len, cap;

	if (size < HEAD || size > HEAD + IN)
		return 0;
	len = size - HEAD;
	cap = (size_t)ld_le16(data + 1) * 64;
	limit(len, cap);
	memcpy(u.in, data + HEAD, len);
	f = data[0] ? (enum unpack_format)(data[0] % (UNPACK_FORMATS + 1))
		    : unpack_detect(u.in, len);
	o = once(f, len, cap);
	if (!o.rc) {
		count(f, &o, len);
		again(f, &o);
	} else if (o.rc == -ENOEXEC) {
		depth_hit(refused_damaged);
	} else if (o.rc == -E2BIG) {
		depth_hit(refused_big);
	} else {
		depth_hit(refused_format);
	}
	limit(sizeof(u.in), sizeof(u.out));
	return 0;
}
