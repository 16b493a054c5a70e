/* SPDX-License-Identifier: MIT */
/* unpack_priv: one function a format, and what they share. */
#ifndef VMM_UNPACK_PRIV_H
#define VMM_UNPACK_PRIV_H

#include <errno.h>

#include <unpack_config.h> /* generated: which libraries there are */
#include <vmm/unpack.h>

/* One stream: where it is read and written, and how far. */
struct unpack_io {
	const uint8_t *in;
	size_t len, pos;
	uint8_t *out;
	size_t cap, made;
	struct err *err;
	const char *name; /* of the format, opens messages */
};

int unpack_gzip(struct unpack_io *io);
int unpack_bzip2(struct unpack_io *io);
int unpack_lzma(struct unpack_io *io);
int unpack_xz(struct unpack_io *io);
int unpack_lz4(struct unpack_io *io);
int unpack_zstd(struct unpack_io *io);

/* The usual ends. */
int unpack_damaged(struct unpack_io *io, const char *why);
int unpack_cut(struct unpack_io *io);
int unpack_big(struct unpack_io *io);
int unpack_no_memory(struct unpack_io *io);
/* Of a format whose library was not there. */
int unpack_absent(struct unpack_io *io, enum unpack_format f);

#endif
