/* SPDX-License-Identifier: MIT */
/*
 * unpack: what a kernel or an initramfs is compressed with, and its contents, by the system's
 * libraries: gzip (zlib), bzip2 (libbz2), lzma and xz (liblzma, the x86 filter too), lz4's legacy
 * frame (liblz4), zstd (libzstd). Each is optional when Vise is built; LZO is known by name only.
 * [hostile: fuzz/targets/unpack.c]
 *
 * Guarantees: compressed bytes are hostile: nothing outside of the input is read and nothing
 * outside of the output written; work is linear in both. A dictionary is never larger than the
 * caller's output (4 KiB at least), so memory beside it is at most as much again plus 8 MiB. No
 * state is kept; the check sums that a format has are checked.
 * The caller promises: input and output do not overlap.
 * Who frees: nobody, nothing is left allocated.
 */
#ifndef VMM_UNPACK_H
#define VMM_UNPACK_H

#include <vmm/base.h>

enum unpack_format {
	UNPACK_NONE, /* no compression that is known */
	UNPACK_GZIP,
	UNPACK_BZIP2,
	UNPACK_LZMA, /* the .lzma format, "LZMA alone" */
	UNPACK_XZ,
	UNPACK_LZ4, /* the legacy frame, which kernels use */
	UNPACK_ZSTD,
	UNPACK_LZO,
	UNPACK_FORMATS
};

/* By its first bytes. */
enum unpack_format unpack_detect(const void *in, size_t len);

/* "gzip"; the library that does it ("zlib"); the Debian package that a build needs. */
const char *unpack_name(enum unpack_format f);
const char *unpack_library(enum unpack_format f);
const char *unpack_package(enum unpack_format f);

/* Was it built in? */
bool unpack_has(enum unpack_format f);

/*
 * Unpack one stream (gzip: member; zstd: frame) from the start of (in): at most (cap) bytes to
 * (out). *out_len is how many there are and *used how much of the input it took; the rest, which may be
 * another stream, is not looked at. A legacy lz4 frame has no end: it goes to the input's end or to
 * a block of size 0.
 * 0, or -ENOEXEC (damaged or cut short), -E2BIG (more than cap; legacy lz4 cannot tell in its last 8
 * MiB and says -ENOEXEC), -ENOTSUP (not built in; LZO), -EINVAL (no such format), -ENOMEM, with one
 * line that says what to do. (out) may then hold anything.
 */
int unpack(enum unpack_format f, const void *in, size_t len, void *out, size_t cap, size_t *out_len,
	   size_t *used, struct err *err);

#endif
