/* SPDX-License-Identifier: MIT */
/* The other way, for tests and seeds: bytes compressed in every format that is built in. */
#ifndef UNPACK_TEST_PACK_H
#define UNPACK_TEST_PACK_H

#include <assert.h>
#include <stdlib.h>

#include <unpack_config.h>
#include <vmm/unpack.h>

#if UNPACK_WITH_ZLIB
#include <zlib.h>
#endif
#if UNPACK_WITH_BZLIB
#include <bzlib.h>
#endif
#if UNPACK_WITH_LZMA
#include <lzma.h>
#endif
#if UNPACK_WITH_LZ4
#include <lz4.h>
#endif
#if UNPACK_WITH_ZSTD
#include <zstd.h>
#endif

#define PACK_LZ4_BLOCK (8u << 20)

static inline size_t pack_gzip(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
#if UNPACK_WITH_ZLIB
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in, .avail_in = (uInt)len};

	z.next_out = out;
	z.avail_out = (uInt)cap;
	if (deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		z.total_out = 0;
	deflateEnd(&z);
	return z.total_out;
#else
	(void)in, (void)len, (void)out, (void)cap;
	return 0;
#endif
}

static inline size_t pack_bzip2(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
#if UNPACK_WITH_BZLIB
	unsigned n = (unsigned)cap;

	return BZ2_bzBuffToBuffCompress((char *)out, &n, (char *)(uintptr_t)in, (unsigned)len, 1, 0,
					0) == BZ_OK
		       ? n
		       : 0;
#else
	(void)in, (void)len, (void)out, (void)cap;
	return 0;
#endif
}

static inline size_t pack_lzma(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
#if UNPACK_WITH_LZMA
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_options_lzma o;
	size_t n = 0;

	lzma_lzma_preset(&o, 6);
	if (lzma_alone_encoder(&z, &o) != LZMA_OK)
		return 0;
	z.next_in = in;
	z.avail_in = len;
	z.next_out = out;
	z.avail_out = cap;
	if (lzma_code(&z, LZMA_FINISH) == LZMA_STREAM_END)
		n = z.total_out;
	lzma_end(&z);
	return n;
#else
	(void)in, (void)len, (void)out, (void)cap;
	return 0;
#endif
}

/* As kernels are: the x86 filter in front, a dictionary of 64 MiB, CRC-32. */
static inline size_t pack_xz(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
#if UNPACK_WITH_LZMA
	lzma_options_lzma o;
	lzma_filter f[] = {
		{LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &o}, {LZMA_VLI_UNKNOWN, NULL}};
	size_t n = 0;

	lzma_lzma_preset(&o, 1);
	o.dict_size = 64u << 20;
	return lzma_stream_buffer_encode(f, LZMA_CHECK_CRC32, NULL, in, len, out, &n, cap) ==
			       LZMA_OK
		       ? n
		       : 0;
#else
	(void)in, (void)len, (void)out, (void)cap;
	return 0;
#endif
}

static inline size_t pack_lz4(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
#if UNPACK_WITH_LZ4
	size_t at = 4;

	if (cap < 4)
		return 0;
	st_le32(out, 0x184c2102);
	for (size_t done = 0; done < len;) {
		size_t part = len - done < PACK_LZ4_BLOCK ? len - done : PACK_LZ4_BLOCK;
		int n = at + 4 < cap ? LZ4_compress_default((const char *)in + done,
							    (char *)out + at + 4, (int)part,
							    (int)(cap - at - 4))
				     : 0;

		if (n <= 0)
			return 0;
		st_le32(out + at, (uint32_t)n);
		at += 4 + (size_t)n;
		done += part;
	}
	return at;
#else
	(void)in, (void)len, (void)out, (void)cap;
	return 0;
#endif
}

static inline size_t pack_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
#if UNPACK_WITH_ZSTD
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t n;

	if (!c)
		return 0;
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, 3);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, out, cap, in, len);
	ZSTD_freeCCtx(c);
	return ZSTD_isError(n) ? 0 : n;
#else
	(void)in, (void)len, (void)out, (void)cap;
	return 0;
#endif
}

/* 0: there is no such library, or (cap) is too little. */
static inline size_t pack(enum unpack_format f, const uint8_t *in, size_t len, uint8_t *out,
			  size_t cap)
{
	switch (f) {
	case UNPACK_GZIP:
		return pack_gzip(in, len, out, cap);
	case UNPACK_BZIP2:
		return pack_bzip2(in, len, out, cap);
	case UNPACK_LZMA:
		return pack_lzma(in, len, out, cap);
	case UNPACK_XZ:
		return pack_xz(in, len, out, cap);
	case UNPACK_LZ4:
		return pack_lz4(in, len, out, cap);
	case UNPACK_ZSTD:
		return pack_zstd(in, len, out, cap);
	default:
		return 0;
	}
}

#endif
