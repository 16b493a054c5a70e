/* SPDX-License-Identifier: MIT */
/* What the files of state share: elements by index. */
#ifndef STATE_PRIV_H
#define STATE_PRIV_H

#include <vmm/state.h>

/* The value of an element of a field that is not bytes; a bool is 0 or 1. */
uint64_t state_get(const struct state_field *f, const void *obj, uint32_t index);
void state_put(const struct state_field *f, void *obj, uint32_t index, uint64_t v);

/* Are the elements in memory as they are saved? Bytes are, and numbers on a host of that byte order. */
static inline bool state_is_as_saved(const struct state_field *f)
{
	return f->kind == STATE_BYTES ||
	       (f->kind == STATE_UINT && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
}

/*
 * Put the saved form of elements from (first) on into (to), as many as fit into STATE_CHUNK
 * bytes; returns how many those were, at least 1.
 */
#define STATE_CHUNK 256
uint32_t state_pack(const struct state_field *f, const void *obj, uint32_t first, uint8_t *to);

#endif
