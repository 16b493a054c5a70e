/* SPDX-License-Identifier: MIT */
/*
 * unpack: lzma and xz by liblzma.
 *
 * A stream's header asks for a dictionary of up to 4 GiB, which the decoder would allocate at once.
 * Nothing is further back than the output is long, so the dictionary is made no larger than that.
 */
#include "unpack_priv.h"

#if UNPACK_WITH_LZMA
#include <lzma.h>
#include <stdlib.h>

/* What a decoder takes beside its dictionary is below 64 KiB; this leaves room. */
#define DECODER_MEMORY ((uint64_t)8 << 20)

static uint32_t dictionary(const struct unpack_io *io, uint32_t asked)
{
	uint64_t most = io->cap > LZMA_DICT_SIZE_MIN ? io->cap : LZMA_DICT_SIZE_MIN;

	return asked < most ? asked : (uint32_t)most;
}

static int failed(struct unpack_io *io, lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEM_ERROR:
	case LZMA_MEMLIMIT_ERROR:
		return unpack_no_memory(io);
	case LZMA_OPTIONS_ERROR:
		return unpack_damaged(io, "an option or filter that is not known");
	case LZMA_FORMAT_ERROR:
		return unpack_damaged(io, "the magic number");
	default:
		return unpack_damaged(io, "its data or a check sum");
	}
}

/* ---- .lzma --------------------------------------------------------------------------------- */

#define ALONE_HEADER 13u /* properties, dictionary size at 1, length */
#define ALONE_DICT   1u

/* Up to the end of this input or of the room, or an end of another kind. */
static lzma_ret feed(lzma_stream *z, const uint8_t *in, size_t len)
{
	lzma_ret rc;

	z->next_in = in;
	z->avail_in = len;
	do {
		rc = lzma_code(z, LZMA_RUN);
	} while (rc == LZMA_OK && z->avail_in && z->avail_out);
	return rc;
}

/* (spare) is a byte that nobody wants. */
static int alone(struct unpack_io *io, lzma_stream *z, const uint8_t *head, uint8_t *spare)
{
	lzma_ret rc;

	/* Nothing comes of the header, but without room it is not even read. */
	z->next_out = spare;
	z->avail_out = 1;
	rc = feed(z, head, ALONE_HEADER);
	z->next_out = io->cap ? io->out : spare;
	z->avail_out = io->cap;
	if (rc == LZMA_OK)
		rc = feed(z, io->in + ALONE_HEADER, io->len - ALONE_HEADER);
	io->made = io->cap - z->avail_out;
	/* Where the output is full an end marker may still come, or a byte too much. */
	if ((rc == LZMA_OK || rc == LZMA_BUF_ERROR) && !z->avail_out) {
		z->next_out = spare;
		z->avail_out = 1;
		do {
			rc = lzma_code(z, LZMA_RUN);
		} while (rc == LZMA_OK && z->avail_out);
		if (!z->avail_out)
			return unpack_big(io);
	}
	io->pos = io->len - z->avail_in;
	if (rc == LZMA_STREAM_END)
		return 0;
	return rc == LZMA_OK || rc == LZMA_BUF_ERROR ? unpack_cut(io) : failed(io, rc);
}

int unpack_lzma(struct unpack_io *io)
{
	lzma_stream z = LZMA_STREAM_INIT;
	uint8_t head[ALONE_HEADER], spare = 0;
	int err;

	if (io->len < sizeof(head))
		return unpack_cut(io);
	memcpy(head, io->in, sizeof(head));
	st_le32(head + ALONE_DICT, dictionary(io, ld_le32(head + ALONE_DICT)));
	if (lzma_alone_decoder(&z, io->cap + DECODER_MEMORY) != LZMA_OK)
		return unpack_no_memory(io);
	err = alone(io, &z, head, &spare);
	lzma_end(&z);
	return err;
}

/* ---- .xz ------------------------------------------------------------------------------------- */

static int xz_block(struct unpack_io *io, lzma_check check, lzma_index_hash *index)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block block = {.version = 1, .check = check, .filters = filters};
	lzma_ret rc;

	block.header_size = lzma_block_header_size_decode(io->in[io->pos]);
	if (block.header_size > io->len - io->pos)
		return unpack_cut(io);
	rc = lzma_block_header_decode(&block, NULL, io->in + io->pos);
	if (rc != LZMA_OK)
		return failed(io, rc);
	for (unsigned i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++) {
		lzma_options_lzma *o = filters[i].options;

		if (filters[i].id == LZMA_FILTER_LZMA2)
			o->dict_size = dictionary(io, o->dict_size);
	}
	io->pos += block.header_size;
	rc = lzma_block_buffer_decode(&block, NULL, io->in, &io->pos, io->len, io->out, &io->made,
				      io->cap);
	for (unsigned i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++)
		free(filters[i].options);
	if (rc == LZMA_BUF_ERROR)
		return unpack_big(io);
	if (rc == LZMA_OK)
		rc = lzma_index_hash_append(index, lzma_block_unpadded_size(&block),
					    block.uncompressed_size);
	return rc == LZMA_OK ? 0 : failed(io, rc);
}

/* The index repeats the blocks' sizes, the footer the header's flags: both must agree. */
static int xz_end(struct unpack_io *io, const lzma_stream_flags *head, lzma_index_hash *index)
{
	lzma_stream_flags foot;
	lzma_ret rc = lzma_index_hash_decode(index, io->in, &io->pos, io->len);

	if (rc == LZMA_OK || rc == LZMA_BUF_ERROR || io->len - io->pos < LZMA_STREAM_HEADER_SIZE)
		return unpack_cut(io);
	if (rc != LZMA_STREAM_END)
		return failed(io, rc);
	rc = lzma_stream_footer_decode(&foot, io->in + io->pos);
	if (rc == LZMA_OK)
		rc = lzma_stream_flags_compare(head, &foot);
	if (rc == LZMA_OK && foot.backward_size != lzma_index_hash_size(index))
		rc = LZMA_DATA_ERROR;
	if (rc != LZMA_OK)
		return failed(io, rc);
	io->pos += LZMA_STREAM_HEADER_SIZE;
	return 0;
}

static int xz_stream(struct unpack_io *io, lzma_index_hash *index)
{
	lzma_stream_flags head;
	lzma_ret rc;
	int err = 0;

	if (io->len < LZMA_STREAM_HEADER_SIZE)
		return unpack_cut(io);
	rc = lzma_stream_header_decode(&head, io->in);
	if (rc != LZMA_OK)
		return failed(io, rc);
	io->pos = LZMA_STREAM_HEADER_SIZE;
	/* A block header's first byte is its size; 0 begins the index. */
	while (!err && io->pos < io->len && io->in[io->pos])
		err = xz_block(io, head.check, index);
	if (!err && io->pos == io->len)
		err = unpack_cut(io);
	return err ? err : xz_end(io, &head, index);
}

int unpack_xz(struct unpack_io *io)
{
	lzma_index_hash *index = lzma_index_hash_init(NULL, NULL);
	int err;

	if (!index)
		return unpack_no_memory(io);
	err = xz_stream(io, index);
	lzma_index_hash_end(index, NULL);
	return err;
}
#else
int unpack_lzma(struct unpack_io *io)
{
	return unpack_absent(io, UNPACK_LZMA);
}

int unpack_xz(struct unpack_io *io)
{
	return unpack_absent(io, UNPACK_XZ);
}
#endif
