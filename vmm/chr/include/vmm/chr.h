/* SPDX-License-Identifier: MIT */
/*
 * chr: character back ends: where a serial device's bytes go and come from.
 *
 * Guarantees: output is kept up to a bound and counted beyond it; input is a fixed text that the
 * device takes when its receiver has room, so runs repeat.
 * The caller promises: the input's memory outlives the chr. Who frees: chr_fini().
 */
#ifndef VMM_CHR_H
#define VMM_CHR_H

#include <vmm/base.h>

#define CHR_KEEP ((size_t)4 << 20) /* bytes of output kept */

struct chr {
	struct buf out;	  /* the first CHR_KEEP bytes of what the guest sent; see out.failed */
	uint64_t written; /* bytes in all */
	const uint8_t *in;
	size_t in_len, in_pos;
	/* called with each byte run as it is written, for a terminal; NULL: nobody */
	void (*tee)(void *ctx, const void *p, size_t len);
	void *tee_ctx;
};

/* (in) may be NULL where in_len is 0. For a tee set it afterwards. */
void chr_init(struct chr *c, const void *in, size_t in_len);
void chr_fini(struct chr *c);

/* From the device to the outside. */
void chr_put(struct chr *c, const void *p, size_t len);

/* The next input byte, or -1 at its end; chr_peek does not take it. */
int chr_get(struct chr *c);
int chr_peek(const struct chr *c);

#endif
