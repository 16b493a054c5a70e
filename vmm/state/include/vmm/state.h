/* SPDX-License-Identifier: MIT */
/*
 * state: saved state as a table of named fields, not as a pair of functions. One list gives save,
 * load, reset, diff, JSON and hash, for every device, those not written yet included.
 *
 * Guarantees: the saved form is little-endian, holds names and sizes, and is equal for every host
 * and compiler. Loading is transactional: on any error the object is as it was. Saved bytes may be
 * hostile: [hostile: fuzz/targets/state.c] state_load() checks everything before it changes the
 * object, and allocates nothing.
 * The caller promises: the object is at least as large as its table says, its fields do not
 * overlap, names are under 64 KiB. Nothing is to be freed.
 *
 * The saved form, all numbers little-endian:
 *   u32 magic "VST1", u32 version, u32 number of fields, u16 length of the table's name, the name;
 *   for each field: u16 length of its name, the name, u8 kind, u8 0, u32 size, u32 count, and
 *   count elements of size bytes; a bool is 0 or 1.
 */
#ifndef VMM_STATE_H
#define VMM_STATE_H

#include <vmm/base.h>

enum state_kind {
	STATE_UINT,  /* size 1, 2, 4 or 8, host-endian in memory, count of them in a row */
	STATE_BOOL,  /* one C bool, count of them */
	STATE_BYTES, /* count bytes, opaque */
};

struct state_field {
	const char *name; /* NULL ends the table */
	enum state_kind kind;
	uint32_t off;	/* of the first element, from the object's start */
	uint32_t size;	/* bytes an element */
	uint32_t count; /* elements, at least 1 */
	uint64_t reset; /* the value each element has after reset */
	unsigned flags; /* STATE_F_* */
};

#define STATE_F_NORESET 1u /* state_reset() leaves it: configuration, strapping */
#define STATE_F_NOHASH	2u /* not in hash and diff: host bookkeeping that has to be saved */

/* A field of struct (type): scalar, array, bool and bytes; (rst) is the reset value. */
#define STATE_U(type, member, rst)                                                                 \
	{                                                                                          \
#member, STATE_UINT, offsetof(type, member), sizeof(((type *)0)->member), 1, rst,  \
			0                                                                          \
	}
#define STATE_ARR(type, member, rst)                                                               \
	{                                                                                          \
#member, STATE_UINT, offsetof(type, member), sizeof(((type *)0)->member[0]),       \
			ARRAY_SIZE(((type *)0)->member), rst, 0                                    \
	}
#define STATE_B(type, member, rst)                                                                 \
	{                                                                                          \
#member, STATE_BOOL, offsetof(type, member), sizeof(bool), 1, rst, 0               \
	}
#define STATE_RAW(type, member)                                                                    \
	{                                                                                          \
#member, STATE_BYTES, offsetof(type, member), 1, sizeof(((type *)0)->member), 0, 0 \
	}
#define STATE_END                                                                                  \
	{                                                                                          \
		NULL, STATE_UINT, 0, 0, 0, 0, 0                                                    \
	}

struct state_table {
	const char *name;
	unsigned version; /* goes up when a field's meaning changes; load refuses others */
	const struct state_field *fields;
};

/* Append the saved form of (obj) to (out). 0, or -ENOMEM: (out) has failed. */
int state_save(const struct state_table *t, const void *obj, struct buf *out);

/*
 * Load from (p, len), which must begin with this table's saved form; *used is how much of it that
 * was. Every field must be there, with its size and count, in the table's order; an unknown one is
 * an error. -EINVAL with a message that names table, field and reason.
 */
int state_load(const struct state_table *t, void *obj, const void *p, size_t len, size_t *used,
	       struct err *err);

/* Give every field without STATE_F_NORESET its reset value; each of its bytes, for bytes. */
void state_reset(const struct state_table *t, void *obj);

/* A chained hash over the table's name, its version and the values as saved; equal on every host.
 */
uint64_t state_hash(const struct state_table *t, const void *obj, uint64_t seed);

/*
 * Compare; for each element that differs call (cb) unless NULL. Returns how many differ.
 * index is the element's; a and b are its values (bytes: the first differing byte).
 */
typedef void (*state_diff_fn)(void *ctx, const char *field, uint32_t index, uint64_t a, uint64_t b);
unsigned state_diff(const struct state_table *t, const void *a, const void *b, state_diff_fn cb,
		    void *ctx);

/* {"field":1,"flag":true,"array":[1,2],"bytes":"hex"}; appended. Check out->failed. */
void state_json(const struct state_table *t, const void *obj, struct buf *out);

#endif
