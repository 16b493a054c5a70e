/* SPDX-License-Identifier: MIT */
/*
 * virtio_regs: what the registers of virtio-mmio read as and what writing them does to the device
 * (virtio 1.2, 4.2.2), from the specification's table. For fuzz targets; the queues' own life (ready,
 * notify, reset) and the status are judged elsewhere.
 */
#ifndef FUZZ_ENGINE_VIRTIO_REGS_H
#define FUZZ_ENGINE_VIRTIO_REGS_H

#include <vmm/virtio.h>

#include "oracle.h"

/* The offsets are the specification's and not the header's: that is judged, too. */
static inline uint32_t vr_expected(const struct virtio *v, uint64_t off)
{
	const struct virtq *q = v->queue_sel < v->nr_queues ? &v->q[v->queue_sel] : NULL;
	uint64_t f = virtio_offered(v);

	switch (off) {
	case 0x00:
		return 0x74726976;
	case 0x04:
		return 2;
	case 0x08:
		return v->vc->device_id;
	case 0x0c:
		return 0x45534956;
	case 0x10:
		return v->device_features_sel == 0   ? (uint32_t)f
		       : v->device_features_sel == 1 ? (uint32_t)(f >> 32)
						     : 0;
	case 0x34:
		return q ? q->num_max : 0;
	case 0x44:
		return q ? q->ready : 0;
	case 0x60:
		return v->interrupt_status;
	case 0x70:
		return v->status;
	case 0xb0:
	case 0xb4:
	case 0xb8:
	case 0xbc:
		return 0xffffffff;
	case 0xfc:
		return v->config_generation;
	default:
		return 0;
	}
}

/* Of up to 4 bytes; larger ones are cut into pieces first. */
static inline void vr_judge_read(const struct virtio *v, uint64_t off, unsigned size, uint64_t val)
{
	uint32_t want = size == 4 && off % 4 == 0 ? vr_expected(v, off) : 0;

	if (size <= 4 && off + size <= 0x100)
		FUZZ_ORACLE(val == want, "register-read", "0x%x, %u bytes: 0x%llx, not 0x%x",
			    (unsigned)off, size, (unsigned long long)val, want);
}

/* What a write may change, as numbers; taken before it. */
struct vr_state {
	uint32_t queue_sel, device_sel, driver_sel, num;
	uint64_t features, desc, avail, used;
	bool settable; /* a queue is selected and not ready */
};

static inline struct vr_state vr_state(const struct virtio *v)
{
	const struct virtq *q = v->queue_sel < v->nr_queues ? &v->q[v->queue_sel] : NULL;

	return (struct vr_state){v->queue_sel,	   v->device_features_sel, v->driver_features_sel,
				 q ? q->num : 0,   v->driver_features,	   q ? q->desc : 0,
				 q ? q->avail : 0, q ? q->used : 0,	   q && !q->ready};
}

static inline void vr_half(uint64_t *word, bool high, uint32_t val)
{
	*word = high ? (*word & 0xffffffff) | (uint64_t)val << 32 : (*word & ~0xffffffffull) | val;
}

/* (b): before. Registers whose writing does more than to be stored are not judged. */
static inline void vr_judge_write(const struct vr_state *b, const struct virtio *v, uint64_t off,
				  unsigned size, uint64_t val)
{
	struct vr_state want = *b, now = vr_state(v);
	uint32_t w = (uint32_t)val;
	bool whole = size == 4 && off % 4 == 0;

	if (size > 4 || off + size > 0x100 || off == 0x44 || off == 0x50 || off == 0x70 ||
	    off == 0xc0)
		return;
	if (whole && off == 0x30) {
		/* the others are now those of another queue */
		FUZZ_ORACLE(v->queue_sel == w, "register-write", "QueueSel 0x%x", v->queue_sel);
		return;
	}
	if (whole && off == 0x14)
		want.device_sel = w;
	else if (whole && off == 0x24)
		want.driver_sel = w;
	else if (whole && off == 0x20 && !(v->status & VIRTIO_S_FEATURES_OK) && want.driver_sel < 2)
		vr_half(&want.features, want.driver_sel, w);
	else if (whole && off == 0x38 && want.settable)
		want.num = w;
	else if (whole && (off == 0x80 || off == 0x84) && want.settable)
		vr_half(&want.desc, off == 0x84, w);
	else if (whole && (off == 0x90 || off == 0x94) && want.settable)
		vr_half(&want.avail, off == 0x94, w);
	else if (whole && (off == 0xa0 || off == 0xa4) && want.settable)
		vr_half(&want.used, off == 0xa4, w);
	FUZZ_ORACLE(now.queue_sel == want.queue_sel && now.device_sel == want.device_sel &&
			    now.driver_sel == want.driver_sel && now.num == want.num &&
			    now.features == want.features && now.desc == want.desc &&
			    now.avail == want.avail && now.used == want.used,
		    "register-write", "0x%x, %u bytes: what changed is not what was written",
		    (unsigned)off, size);
}

#endif
