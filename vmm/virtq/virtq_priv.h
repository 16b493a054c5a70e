/* SPDX-License-Identifier: MIT */
/* virtq_priv: what virtq.c and chain.c share. */
#ifndef VIRTQ_PRIV_H
#define VIRTQ_PRIV_H

#include <vmm/virtq.h>

/* Is [gpa, gpa + len) wholly RAM, in one region or adjacent ones? Never wraps. */
bool virtq_in_ram(struct virtq *q, uint64_t gpa, uint64_t len);

/*
 * Collect the chain at (head), which is below num, into q->segs and *c. Returns VIRTQ_OK; a
 * chain-level error, *c having no segments; or VIRTQ_E_RING: the descriptor table is gone.
 */
enum virtq_error virtq_walk(struct virtq *q, uint16_t head, struct virtq_chain *c);

#endif
