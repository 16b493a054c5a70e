/* SPDX-License-Identifier: MIT */
/* unpack: bzip2 by libbz2, which checks each block's CRC and the stream's. */
#include "unpack_priv.h"

#if UNPACK_WITH_BZLIB
#include <bzlib.h>

#define PIECE ((size_t)1 << 30) /* libbz2 counts in unsigned int */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int decompress_all(struct unpack_io *io, bz_stream *z)
{
	for (;;) {
		size_t in = least(io->len - io->pos, PIECE), out = least(io->cap - io->made, PIECE);
		int rc;

		z->next_in = (char *)(uintptr_t)(io->in + io->pos);
		z->avail_in = (unsigned)in;
		z->next_out = (char *)io->out + io->made;
		z->avail_out = (unsigned)out;
		rc = BZ2_bzDecompress(z);
		io->pos += in - z->avail_in;
		io->made += out - z->avail_out;
		if (rc == BZ_STREAM_END)
			return 0;
		if (rc == BZ_MEM_ERROR)
			return unpack_no_memory(io);
		if (rc != BZ_OK)
			return unpack_damaged(io, rc == BZ_DATA_ERROR_MAGIC ? "no bzip2 stream"
									    : "a check sum");
		if (in != z->avail_in || out != z->avail_out)
			continue;
		return io->pos == io->len ? unpack_cut(io) : unpack_big(io);
	}
}

int unpack_bzip2(struct unpack_io *io)
{
	bz_stream z = {0};
	int rc;

	if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK)
		return unpack_no_memory(io);
	rc = decompress_all(io, &z);
	BZ2_bzDecompressEnd(&z);
	return rc;
}
#else
int unpack_bzip2(struct unpack_io *io)
{
	return unpack_absent(io, UNPACK_BZIP2);
}
#endif
