/* SPDX-License-Identifier: MIT */
/* unpack: formats by their first bytes, and the way to each one's library. */
#include "unpack_priv.h"

struct format {
	const char *name, *library, *package;
	bool built;
	int (*run)(struct unpack_io *io);
};

static const struct format formats[UNPACK_FORMATS] = {
	[UNPACK_NONE] = {"none", "", "", false, NULL},
	[UNPACK_GZIP] = {"gzip", "zlib", "zlib1g-dev", UNPACK_WITH_ZLIB, unpack_gzip},
	[UNPACK_BZIP2] = {"bzip2", "libbz2", "libbz2-dev", UNPACK_WITH_BZLIB, unpack_bzip2},
	[UNPACK_LZMA] = {"lzma", "liblzma", "liblzma-dev", UNPACK_WITH_LZMA, unpack_lzma},
	[UNPACK_XZ] = {"xz", "liblzma", "liblzma-dev", UNPACK_WITH_LZMA, unpack_xz},
	[UNPACK_LZ4] = {"lz4", "liblz4", "liblz4-dev", UNPACK_WITH_LZ4, unpack_lz4},
	[UNPACK_ZSTD] = {"zstd", "libzstd", "libzstd-dev", UNPACK_WITH_ZSTD, unpack_zstd},
	[UNPACK_LZO] = {"lzo", "", "", false, NULL},
};

static const struct format *format(enum unpack_format f)
{
	return f >= UNPACK_NONE && f < UNPACK_FORMATS ? &formats[f] : &formats[UNPACK_NONE];
}

const char *unpack_name(enum unpack_format f)
{
	return format(f)->name;
}

const char *unpack_library(enum unpack_format f)
{
	return format(f)->library;
}

const char *unpack_package(enum unpack_format f)
{
	return format(f)->package;
}

bool unpack_has(enum unpack_format f)
{
	return format(f)->built;
}

/*
 * A .lzma file has no magic: its properties byte is 0x5d wherever the defaults lc=3, lp=0, pb=2 were
 * used, dictionaries are of whole 64 KiB, and its length is unknown (all ones) or below 2^40.
 */
#define LZMA_HEADER 13u

static bool is_lzma(const uint8_t *b, size_t len)
{
	uint64_t size;

	if (len < LZMA_HEADER || b[0] != 0x5d || b[1] || b[2])
		return false;
	size = ld_le64(b + 5);
	return size == UINT64_MAX || size < 1ull << 40;
}

enum unpack_format unpack_detect(const void *in, size_t len)
{
	static const struct {
		const char *magic;
		unsigned len;
		enum unpack_format f;
	} magics[] = {
		{"\x1f\x8b\x08", 3, UNPACK_GZIP},
		{"BZh", 3, UNPACK_BZIP2},
		{"\xfd"
		 "7zXZ\0",
		 6, UNPACK_XZ},
		{"\x02\x21\x4c\x18", 4, UNPACK_LZ4},
		{"\x28\xb5\x2f\xfd", 4, UNPACK_ZSTD},
		{"\x89LZO\0\r\n\x1a\n", 9, UNPACK_LZO},
	};

	if (!in)
		return UNPACK_NONE;
	for (unsigned i = 0; i < ARRAY_SIZE(magics); i++) {
		if (len >= magics[i].len && !memcmp(in, magics[i].magic, magics[i].len))
			return magics[i].f;
	}
	return is_lzma(in, len) ? UNPACK_LZMA : UNPACK_NONE;
}

int unpack_damaged(struct unpack_io *io, const char *why)
{
	return err_set(io->err, -ENOEXEC,
		       "%s: damaged (%s) after 0x%zx of 0x%zx bytes: get the file anew", io->name,
		       why, io->pos, io->len);
}

int unpack_cut(struct unpack_io *io)
{
	return err_set(io->err, -ENOEXEC,
		       "%s: the data end after 0x%zx bytes, before the stream does: the file is "
		       "cut short",
		       io->name, io->len);
}

int unpack_big(struct unpack_io *io)
{
	return err_set(io->err, -E2BIG, "%s: it unpacks to more than the 0x%zx bytes allowed",
		       io->name, io->cap);
}

int unpack_no_memory(struct unpack_io *io)
{
	return err_set(io->err, -ENOMEM, "%s: no memory for its decoder", io->name);
}

int unpack_absent(struct unpack_io *io, enum unpack_format f)
{
	return err_set(io->err, -ENOTSUP,
		       "%s: this build of Vise has no %s: install %s and build again", io->name,
		       unpack_library(f), unpack_package(f));
}

int unpack(enum unpack_format f, const void *in, size_t len, void *out, size_t cap, size_t *out_len,
	   size_t *used, struct err *err)
{
	struct unpack_io io = {in, len, 0, out, cap, 0, err, unpack_name(f)};
	int rc;

	*out_len = *used = 0;
	if (f == UNPACK_LZO)
		return err_set(err, -ENOTSUP,
			       "lzo: there is no decoder for it here: use another compression");
	if (!format(f)->run)
		return err_set(err, -EINVAL, "compression %d is none that there is", (int)f);
	if (!unpack_has(f))
		return unpack_absent(&io, f);
	rc = format(f)->run(&io);
	if (rc)
		return rc;
	*out_len = io.made;
	*used = io.pos;
	return 0;
}
