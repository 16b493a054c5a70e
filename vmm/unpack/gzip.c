/* SPDX-License-Identifier: MIT */
/* unpack: gzip (RFC 1952) by zlib, which checks CRC-32 and length. */
#include "unpack_priv.h"

#if UNPACK_WITH_ZLIB
#include <zlib.h>

#define WINDOW_GZIP (15 + 16) /* inflateInit2: the largest window, a gzip header and no other */
#define PIECE	    ((size_t)1 << 30) /* zlib counts in unsigned int */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int inflate_all(struct unpack_io *io, z_stream *z)
{
	for (;;) {
		size_t in = least(io->len - io->pos, PIECE), out = least(io->cap - io->made, PIECE);
		int rc;

		z->next_in = (Bytef *)(uintptr_t)(io->in + io->pos);
		z->avail_in = (uInt)in;
		z->next_out = io->out + io->made;
		z->avail_out = (uInt)out;
		rc = inflate(z, Z_NO_FLUSH);
		io->pos += in - z->avail_in;
		io->made += out - z->avail_out;
		if (rc == Z_STREAM_END)
			return 0;
		if (rc == Z_MEM_ERROR)
			return unpack_no_memory(io);
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			return unpack_damaged(io, z->msg ? z->msg : "a preset dictionary");
		if (in != z->avail_in || out != z->avail_out)
			continue;
		/* No step forward: the input is used up, or the output is full. */
		return io->pos == io->len ? unpack_cut(io) : unpack_big(io);
	}
}

int unpack_gzip(struct unpack_io *io)
{
	z_stream z = {0};
	int rc;

	if (inflateInit2(&z, WINDOW_GZIP) != Z_OK)
		return unpack_no_memory(io);
	rc = inflate_all(io, &z);
	inflateEnd(&z);
	return rc;
}
#else
int unpack_gzip(struct unpack_io *io)
{
	return unpack_absent(io, UNPACK_GZIP);
}
#endif
