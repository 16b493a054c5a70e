/* SPDX-License-Identifier: MIT */
/*
 * unpack: lz4's legacy frame (lz4_Frame_format.md, "Legacy frame"): a magic number, then blocks, each
 * with its size in front, of at most 8 MiB unpacked. There is no check sum and no end.
 */
#include "unpack_priv.h"

#if UNPACK_WITH_LZ4
#include <limits.h>
#include <lz4.h>

#define MAGIC	  0x184c2102u
#define BLOCK_MAX ((size_t)8 << 20) /* unpacked */

int unpack_lz4(struct unpack_io *io)
{
	while (io->len - io->pos >= 4) {
		uint32_t size = ld_le32(io->in + io->pos);
		size_t room = io->cap - io->made;
		char spare;
		int n;

		if (size == MAGIC) { /* at the start, and where frames were joined */
			io->pos += 4;
			continue;
		}
		if (!io->pos)
			return unpack_damaged(io, "the magic number");
		if (!size) /* padding */
			return 0;
		if (size > LZ4_COMPRESSBOUND(BLOCK_MAX))
			return unpack_damaged(io, "a block's size");
		if (size > io->len - io->pos - 4)
			return unpack_cut(io);
		/* A block may unpack to nothing: that needs no room. */
		n = LZ4_decompress_safe((const char *)io->in + io->pos + 4,
					room ? (char *)io->out + io->made : &spare, (int)size,
					(int)(room < BLOCK_MAX ? room : BLOCK_MAX));
		if (n < 0 && !room)
			return unpack_big(io);
		if (n < 0)
			return unpack_damaged(io, room < BLOCK_MAX
							  ? "a block, or more than is allowed"
							  : "a block");
		io->pos += 4 + size;
		io->made += (size_t)n;
	}
	return io->pos == io->len && io->len ? 0 : unpack_cut(io);
}
#else
int unpack_lz4(struct unpack_io *io)
{
	return unpack_absent(io, UNPACK_LZ4);
}
#endif
