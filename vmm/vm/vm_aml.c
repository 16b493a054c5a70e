/* SPDX-License-Identifier: MIT */
/* vm: ACPI machine language, term by term: ACPI 6.5, 20.2 "AML grammar", 6.4 "Resource data types". */
#include <assert.h>

#include "vm_aml.h"

/* 20.2, table 20.1 */
enum op {
	OP_ZERO = 0x00,
	OP_ONE = 0x01,
	OP_NAME = 0x08,
	OP_BYTE = 0x0a,
	OP_WORD = 0x0b,
	OP_DWORD = 0x0c,
	OP_STRING = 0x0d,
	OP_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	OP_METHOD = 0x14,
	OP_EXT = 0x5b,
	OP_ARG0 = 0x68,
	OP_RETURN = 0xa4,
	EXT_DEVICE = 0x82,
};

/* 6.4.2, 6.4.3: tags of resource descriptors, the length in the small ones' */
enum tag {
	TAG_IRQ = 0x22, /* without flags: edge, active high */
	TAG_IO = 0x47,
	TAG_END = 0x79,
	TAG_MEMORY32_FIXED = 0x86,
	TAG_DWORD_SPACE = 0x87,
	TAG_WORD_SPACE = 0x88,
	TAG_INTERRUPT = 0x89,
};
/* 6.4.3.5: address spaces: what they are of, and that both ends are fixed; tables 6.49, 6.50 */
enum space { SPACE_MEMORY, SPACE_IO, SPACE_BUS };
#define SPACE_FIXED	 0x0cu
#define SPACE_READ_WRITE 1u
#define SPACE_ALL_PORTS	 3u
#define IO_DECODES_16	 1u
#define MEMORY_WRITE	 1u
#define INT_CONSUMER	 1u /* level, active high, exclusive: the other bits are 0 */
#define INT_SHARED	 8u

/* A length of three bytes: 4 bits, then 8 and 8 (20.2.4). It counts itself. */
#define LENGTH_BYTES 3u
#define LENGTH_LEAD  (2u << 6)

static void put8(struct buf *b, unsigned v)
{
	uint8_t byte = (uint8_t)v;

	buf_put(b, &byte, 1);
}

static void put_le(struct buf *b, unsigned size, uint64_t v)
{
	uint8_t bytes[8];

	st_le64(bytes, v);
	buf_put(b, bytes, size);
}

static struct aml_mark open_length(struct buf *b)
{
	struct aml_mark m = {b->len};

	put_le(b, LENGTH_BYTES, 0);
	return m;
}

void aml_close(struct buf *b, struct aml_mark m)
{
	size_t len = b->len - m.at;
	uint8_t *p;

	if (b->failed)
		return;
	assert(len < 1u << 20);
	p = (uint8_t *)b->p + m.at;
	p[0] = (uint8_t)(LENGTH_LEAD | (len & 0xf));
	p[1] = (uint8_t)(len >> 4);
	p[2] = (uint8_t)(len >> 12);
}

/* One segment, with the root before it or not. */
static void put_path(struct buf *b, const char *path)
{
	assert(strlen(path) == 4 || (path[0] == '\\' && strlen(path) == 5));
	buf_put(b, path, strlen(path));
}

struct aml_mark aml_scope(struct buf *b, const char *path)
{
	struct aml_mark m;

	put8(b, OP_SCOPE);
	m = open_length(b);
	put_path(b, path);
	return m;
}

struct aml_mark aml_device(struct buf *b, const char *name)
{
	struct aml_mark m;

	put8(b, OP_EXT);
	put8(b, EXT_DEVICE);
	m = open_length(b);
	put_path(b, name);
	return m;
}

struct aml_mark aml_package(struct buf *b, unsigned elements)
{
	struct aml_mark m;

	put8(b, OP_PACKAGE);
	m = open_length(b);
	put8(b, elements);
	return m;
}

void aml_name(struct buf *b, const char *path)
{
	put8(b, OP_NAME);
	put_path(b, path);
}

void aml_int(struct buf *b, uint64_t val)
{
	unsigned size = val >> 32 ? 8 : val >> 16 ? 4 : val >> 8 ? 2 : 1;

	if (val <= 1) {
		put8(b, val ? OP_ONE : OP_ZERO);
		return;
	}
	put8(b, size == 8 ? OP_QWORD : size == 4 ? OP_DWORD : size == 2 ? OP_WORD : OP_BYTE);
	put_le(b, size, val);
}

void aml_string(struct buf *b, const char *s)
{
	put8(b, OP_STRING);
	buf_put(b, s, strlen(s) + 1);
}

static unsigned hex(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* 6.1.5, EISAID: three letters of 5 bits and four digits, as a big-endian number */
void aml_eisa_id(struct buf *b, const char *id)
{
	uint32_t v = 0;

	assert(strlen(id) == 7);
	for (unsigned i = 0; i < 3; i++)
		v = v << 5 | ((unsigned)id[i] - 'A' + 1);
	for (unsigned i = 3; i < 7; i++)
		v = v << 4 | hex(id[i]);
	put8(b, OP_DWORD);
	put_le(b, 4, __builtin_bswap32(v));
}

static void put_port(struct buf *t, uint16_t io, unsigned len)
{
	put8(t, TAG_IO);
	put8(t, IO_DECODES_16);
	put_le(t, 2, io); /* from, to, alignment */
	put_le(t, 2, io);
	put8(t, 1);
	put8(t, len);
}

/* The resources in (t), which is freed, as a term. */
static void put_resources(struct buf *b, const char *name, struct buf *t)
{
	struct aml_mark m;

	put8(t, TAG_END);
	put8(t, 0); /* a checksum of 0 is right always (6.4.2.9) */
	aml_name(b, name);
	put8(b, OP_BUFFER);
	m = open_length(b);
	aml_int(b, t->len);
	if (t->failed)
		b->failed = true;
	else
		buf_put(b, t->p, t->len);
	aml_close(b, m);
	buf_free(t);
}

static void put_device(struct buf *b, const char *name, const struct aml_resources *r)
{
	struct buf t = {0};

	if (r->mem_len) {
		put8(&t, TAG_MEMORY32_FIXED);
		put_le(&t, 2, 9);
		put8(&t, MEMORY_WRITE);
		put_le(&t, 4, r->mem);
		put_le(&t, 4, r->mem_len);
	}
	if (r->io_len) {
		assert(r->io_len <= UINT8_MAX);
		put_port(&t, r->io, r->io_len);
	}
	if (r->isa_line != AML_NO_LINE) {
		assert(r->isa_line < 16);
		put8(&t, TAG_IRQ);
		put_le(&t, 2, 1ull << r->isa_line);
	}
	if (r->level_line != AML_NO_LINE) {
		put8(&t, TAG_INTERRUPT);
		put_le(&t, 2, 6);
		put8(&t, INT_CONSUMER | (r->shared ? INT_SHARED : 0));
		put8(&t, 1);
		put_le(&t, 4, r->level_line);
	}
	put_resources(b, name, &t);
}

void aml_crs(struct buf *b, const struct aml_resources *r)
{
	put_device(b, "_CRS", r);
}

void aml_prs(struct buf *b, const struct aml_resources *r)
{
	put_device(b, "_PRS", r);
}

/* (size) is 2 or 4; from (first) to (last). */
static void put_space(struct buf *t, unsigned size, enum space space, unsigned flags,
		      uint32_t first, uint32_t last)
{
	const uint32_t words[] = {0 /* granularity */, first, last, 0 /* translation */,
				  last - first + 1};

	put8(t, size == 2 ? TAG_WORD_SPACE : TAG_DWORD_SPACE);
	put_le(t, 2, 3 + size * ARRAY_SIZE(words));
	put8(t, space);
	put8(t, SPACE_FIXED);
	put8(t, flags);
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		put_le(t, size, words[i]);
}

void aml_crs_pci(struct buf *b, uint16_t config, uint32_t mem, uint32_t mem_len)
{
	struct buf t = {0};

	put_space(&t, 2, SPACE_BUS, 0, 0, 0);
	put_port(&t, config, 8);
	put_space(&t, 2, SPACE_IO, SPACE_ALL_PORTS, 0, config - 1u);
	put_space(&t, 2, SPACE_IO, SPACE_ALL_PORTS, config + 8u, UINT16_MAX);
	put_space(&t, 4, SPACE_MEMORY, SPACE_READ_WRITE, mem, mem + mem_len - 1);
	put_resources(b, "_CRS", &t);
}

struct aml_mark aml_method(struct buf *b, const char *path, unsigned args)
{
	struct aml_mark m;

	put8(b, OP_METHOD);
	m = open_length(b);
	put_path(b, path);
	put8(b, args);
	return m;
}

void aml_return_arg(struct buf *b, unsigned arg)
{
	put8(b, OP_RETURN);
	put8(b, OP_ARG0 + arg);
}

void aml_reference(struct buf *b, const char *name)
{
	put_path(b, name);
}
