/* SPDX-License-Identifier: MIT */
/*
 * behind_read: memory that changes behind a read: the (countdown)-th read of the device from now on is
 * followed by a store of another CPU to a byte of what it read. A device that judges a word and then reads
 * it again acts on what it has not judged. A frame arms changes as its input says, calls behind_read() from
 * its hook of reads, and makes each change itself.
 */
#ifndef FUZZ_ENGINE_BEHIND_READ_H
#define FUZZ_ENGINE_BEHIND_READ_H

#include "input.h"

#define BEHIND_MAX 4u

struct behind_change {
	unsigned countdown;
	uint8_t off, flip;
};

struct behind {
	unsigned nr;
	struct behind_change change[BEHIND_MAX];
};

/* Three bytes of an input: when, which byte, what is turned over in it. */
static inline struct behind_change behind_next(struct fuzz_input *in)
{
	struct behind_change c;

	c.countdown = 1u + fuzz_u8(in) % 32;
	c.off = fuzz_u8(in);
	c.flip = fuzz_u8(in);
	return c;
}

/* One that is too many never comes. */
static inline void behind_arm(struct behind *b, const struct behind_change *c)
{
	if (b->nr < BEHIND_MAX)
		b->change[b->nr++] = *c;
}

/*
 * (len) bytes at (gpa) were read. (make) changes a byte, or says that it cannot now: it is asked again at
 * the next read. A change that would come below (from) waits for another read, which is not counted.
 */
static inline void behind_read(struct behind *b, uint64_t gpa, uint64_t len, uint64_t from,
			       bool (*make)(uint64_t gpa, uint8_t flip))
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->nr; i++) {
		struct behind_change c = b->change[i];
		uint64_t at = gpa + c.off % len;

		if (at >= from && !--c.countdown) {
			if (make(at, c.flip))
				continue;
			c.countdown = 1;
		}
		b->change[n++] = c;
	}
	b->nr = n;
}

#endif
