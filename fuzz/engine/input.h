/* SPDX-License-Identifier: MIT */
/*
 * input: the bytes of an input as numbers, as the frames for devices read them (dev_queue.h, machine.h).
 * Any bytes decode; what is missing at the end reads as zero. How they are written: dev_queue_prog.h and
 * machine_prog.h, whose values these are.
 */
#ifndef FUZZ_ENGINE_INPUT_H
#define FUZZ_ENGINE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

struct fuzz_input {
	const uint8_t *p, *end;
};

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint8_t lo = fuzz_u8(in);

	return (uint16_t)(lo | fuzz_u8(in) << 8);
}

/* A value for (size) bytes: small ones, one bit every (step), near all ones, from 0xff on raw bytes. */
static inline uint64_t fuzz_value(struct fuzz_input *in, unsigned size, unsigned step)
{
	uint8_t b = fuzz_u8(in);
	uint64_t v = 0;

	if (b < 0xe0)
		return b;
	if (b < 0xf0)
		return 1ull << step * (b & 15);
	if (b < 0xff)
		return UINT64_MAX - (b & 15);
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)fuzz_u8(in) << 8 * i;
	return v;
}

/* Where things lie in a frame's memory. */
struct fuzz_layout {
	uint64_t ram, data, rings, used, tables;
};

/* Of a buffer: in the data, at RAM's end, where none can be. */
static inline uint64_t fuzz_address(struct fuzz_input *in, const struct fuzz_layout *at)
{
	uint8_t b = fuzz_u8(in);

	if (b < 0xf0)
		return at->data + 32ull * b;
	if (b < 0xf8)
		return at->ram - 8ull * (b & 7);
	switch (b & 7) {
	case 0:
		return 0xd0000050u; /* a register */
	case 1:
		return UINT64_MAX;
	case 2:
		return at->ram;
	case 3:
		return 1ull << 63;
	case 4:
		return at->rings;
	case 5:
		return at->used;
	case 6:
		return at->tables;
	default:
		return 1ull << 32;
	}
}

static inline uint32_t fuzz_length(struct fuzz_input *in, const uint32_t huge[8])
{
	uint8_t b = fuzz_u8(in);

	if (b < 0xc0)
		return b;
	return b < 0xf0 ? 64u * (b & 63) : huge[b & 7];
}

#endif
