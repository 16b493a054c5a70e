/* SPDX-License-Identifier: MIT */
/* unpack: zstd (RFC 8878) by libzstd: one frame. Unpacked in one call it needs no window. */
#include "unpack_priv.h"

#if UNPACK_WITH_ZSTD
#include <zstd.h>
#include <zstd_errors.h>

static int failed(struct unpack_io *io, size_t rc)
{
	switch (ZSTD_getErrorCode(rc)) {
	case ZSTD_error_srcSize_wrong:
		return unpack_cut(io);
	case ZSTD_error_dstSize_tooSmall:
	case ZSTD_error_dstBuffer_null:
		return unpack_big(io);
	case ZSTD_error_memory_allocation:
		return unpack_no_memory(io);
	default:
		return unpack_damaged(io, ZSTD_getErrorName(rc));
	}
}

int unpack_zstd(struct unpack_io *io)
{
	size_t frame = ZSTD_findFrameCompressedSize(io->in, io->len), made;

	if (ZSTD_isError(frame))
		return failed(io, frame);
	made = ZSTD_decompress(io->out, io->cap, io->in, frame);
	if (ZSTD_isError(made))
		return failed(io, made);
	io->pos = frame;
	io->made = made;
	return 0;
}
#else
int unpack_zstd(struct unpack_io *io)
{
	return unpack_absent(io, UNPACK_ZSTD);
}
#endif
