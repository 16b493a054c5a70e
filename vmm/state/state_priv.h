/* SPDX-License-Identifier: MIT */
/* What the files of state share: elements by index. */
#ifndef STATE_PRIV_H
#define STATE_PRIV_H

#include <assert.h>

#include <vmm/state.h>

/* The value of an element of a field that is not bytes; a bool is 0 or 1. */
uint64_t state_get(const struct state_field *f, const void *obj, uint32_t index);

/* In the header, for a reset is nothing but this. */
static inline void state_put(const struct state_field *f, void *obj, uint32_t index, uint64_t v)
{
	uint8_t *p = (uint8_t *)obj + f->off + (size_t)index * f->size;
	uint32_t v32 = (uint32_t)v;
	uint16_t v16 = (uint16_t)v;
	bool flag = v;

	if (f->kind == STATE_BOOL) {
		memcpy(p, &flag, sizeof(flag));
		return;
	}
	switch (f->size) {
	case 1:
		*p = (uint8_t)v;
		break;
	case 2:
		memcpy(p, &v16, sizeof(v16));
		break;
	case 4:
		memcpy(p, &v32, sizeof(v32));
		break;
	default:
		assert(f->size == 8);
		memcpy(p, &v, sizeof(v));
		break;
	}
}

/* Are the elements in memory as they are saved? Bytes are, and numbers on a host of that byte order. */
static inline bool state_is_as_saved(const struct state_field *f)
{
	return f->kind == STATE_BYTES ||
	       (f->kind == STATE_UINT && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

/*
 * Put the saved form of elements from (first) on into (to), as many as fit into STATE_CHUNK
 * bytes; returns how many those were, at least 1. For those that state_is_as_saved() is false for:
 * the others need no such copy.
 */
#define STATE_CHUNK 256
uint32_t state_pack(const struct state_field *f, const void *obj, uint32_t first, uint8_t *to);

#endif
