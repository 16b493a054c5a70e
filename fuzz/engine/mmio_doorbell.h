/* SPDX-License-Identifier: MIT */
/*
 * mmio_doorbell: what ringing for a queue of fuzz/targets/mmio.c must do, foretold by the model of
 * virtq_model.h: every used element with its length, every byte of memory that changes, the status,
 * the interrupt. Included once, behind the target's depth counters.
 */
#ifndef FUZZ_ENGINE_MMIO_DOORBELL_H
#define FUZZ_ENGINE_MMIO_DOORBELL_H

#include <vmm/virtio.h>

#include "depth.h"
#include "mmio_devices.h"
#include "mmio_prog.h"
#include "oracle.h"
#include "virtq_model.h"

#define RNG_REQUEST 65536u /* bytes that one request of the rng gets at most */
#define RNG_STEP    512u   /* it draws a whole number of 8 bytes for so many */

/* What the model goes by: guest memory as it must be, and the rng's generator. */
struct doorbell_world {
	uint8_t *ram; /* MMIO_RAM bytes */
	struct rng rng;
	struct model m;
};

struct doorbell {
	bool acts; /* else nothing may change */
	struct virtio *v;
	struct virtq *q;
	uint32_t status, interrupts;
};

/* The model's store into the writable part of a chain. */
static void model_store(uint8_t *ram, const struct model_chain *c, uint64_t off, const uint8_t *buf,
			uint64_t len)
{
	for (uint32_t i = c->nr_out; i < c->nr_out + c->nr_in && len; i++) {
		uint64_t room = c->seg[i].len, n;

		if (off >= room) {
			off -= room;
			continue;
		}
		n = room - off < len ? room - off : len;
		memcpy(ram + c->seg[i].gpa + off, buf, n);
		buf += n;
		len -= n;
		off = 0;
	}
}

/* One byte of the readable part. */
static uint8_t model_byte(const uint8_t *ram, const struct model_chain *c, uint64_t off)
{
	uint32_t i = 0;

	while (off >= c->seg[i].len)
		off -= c->seg[i++].len;
	return ram[c->seg[i].gpa + off];
}

/* Each step is read before it is stored, as the device does: buffers may overlap. */
static uint32_t model_serve_echo(struct doorbell_world *w, const struct model_chain *c)
{
	uint64_t total = c->in_bytes < c->out_bytes ? c->in_bytes : c->out_bytes;
	uint8_t buf[ECHO_STEP];

	if (total > ECHO_REQUEST)
		total = ECHO_REQUEST;
	for (uint64_t done = 0, n; done < total; done += n) {
		n = total - done < ECHO_STEP ? total - done : ECHO_STEP;
		for (uint64_t i = 0; i < n; i++)
			buf[i] = model_byte(w->ram, c, done + i);
		model_store(w->ram, c, done, buf, n);
	}
	return (uint32_t)total;
}

static uint32_t model_serve_rng(struct doorbell_world *w, const struct model_chain *c)
{
	uint64_t total = c->in_bytes < RNG_REQUEST ? c->in_bytes : RNG_REQUEST;
	uint8_t buf[RNG_STEP];

	for (uint64_t done = 0, n; done < total; done += n) {
		n = total - done < RNG_STEP ? total - done : RNG_STEP;
		for (uint64_t i = 0; i < n; i += 8)
			st_le64(buf + i, rng_next(&w->rng));
		model_store(w->ram, c, done, buf, n);
	}
	return (uint32_t)total;
}

static void model_push(struct doorbell_world *w, uint16_t head, uint32_t len)
{
	struct model *m = &w->m;
	uint8_t *elem = w->ram + m->used + 4 + 8ull * (m->used_idx % m->num);

	st_le32(elem, head);
	st_le32(elem + 4, len);
	m->used_idx++;
	st_le16(w->ram + m->used + 2, m->used_idx);
}

static bool model_interrupt(struct model *m, bool asked)
{
	uint16_t word = 0;

	if (asked && m->asked == m->used_idx)
		return false;
	(void)model_read16(m, m->event_idx ? m->avail + 4 + 2ull * m->num : m->avail, &word);
	if (!m->event_idx)
		return !(word & 1);
	return !asked || model_event_hit(m, word);
}

static void model_from(struct doorbell_world *w, const struct virtq *q)
{
	struct model *m = &w->m;

	m->region[0] = (struct model_region){0, MMIO_RAM, w->ram, true, true};
	m->num = q->num;
	m->desc = q->desc;
	m->avail = q->avail;
	m->used = q->used;
	m->ready = q->ready;
	m->event_idx = q->event_idx;
	m->indirect = q->indirect;
	m->last_avail = q->last_avail;
	m->used_idx = q->used_idx;
	m->asked = q->signalled;
	m->broken = q->broken;
	m->budget = q->num;
}

static void count_chain(const struct model_chain *c)
{
	depth_hit(chain_completed);
	if (c->error)
		depth_hit(chain_malformed);
	if (c->table && !c->error)
		depth_hit(chain_indirect);
	if (c->nr_out + c->nr_in > 1)
		depth_hit(chain_of_several);
}

/* All chains that are offered, as the device completes them; returns why the queue broke. */
static enum virtq_error model_serve(struct doorbell_world *w, bool echo)
{
	struct model *m = &w->m;
	struct model_chain c;

	for (model_next(m, &c); c.ret == 1; model_next(m, &c)) {
		uint32_t len = 0;

		m->last_avail++;
		m->budget--;
		if (!c.error)
			len = echo ? model_serve_echo(w, &c) : model_serve_rng(w, &c);
		if (len)
			depth_hit(bytes_stored);
		model_push(w, c.head, len);
		count_chain(&c);
	}
	/* 2.7.10: ring me for the next one. */
	if (c.ret == 0 && m->event_idx)
		st_le16(w->ram + m->used + 4 + 8ull * m->num, m->last_avail);
	return c.broken;
}

/* Foretell in (w) and (b) what ringing for (queue) of (v) does. */
static void doorbell_foretell(struct doorbell *b, struct doorbell_world *w, struct virtio *v,
			      bool echo, uint32_t queue)
{
	struct model *m = &w->m;

	b->v = v;
	b->status = v->status;
	b->interrupts = v->interrupt_status;
	b->q = queue < v->vc->nr_queues ? &v->q[queue] : NULL;
	b->acts = b->q && b->q->ready && (b->status & VIRTIO_S_DRIVER_OK) &&
		  !(b->status & VIRTIO_S_NEEDS_RESET);
	if (!b->acts) {
		depth_hit(notify_gated);
		return;
	}
	depth_hit(notified);
	model_from(w, b->q);
	m->broken = model_serve(w, echo);
	if (m->broken) {
		depth_hit(queue_broken);
		b->status |= VIRTIO_S_NEEDS_RESET;
		b->interrupts |= VIRTIO_INT_CONFIG;
	} else if (model_interrupt(m, b->q->signalled_valid)) {
		b->interrupts |= VIRTIO_INT_QUEUE;
	} else {
		depth_hit(interrupt_suppressed);
	}
}

/* Afterwards: was it so? Memory is compared at the input's end. */
static void doorbell_compare(const struct doorbell *b, const struct doorbell_world *w)
{
	const struct model *m = &w->m;
	const struct virtq *q = b->q;

	FUZZ_ORACLE(b->v->status == b->status, "notify-status", "status %#x, model: %#x",
		    b->v->status, b->status);
	FUZZ_ORACLE(b->v->interrupt_status == b->interrupts, "notify-interrupt",
		    "interrupt status %#x, model: %#x", b->v->interrupt_status, b->interrupts);
	if (!b->acts)
		return;
	FUZZ_ORACLE(q->broken == m->broken, "notify-broken", "%d, model: %d", (int)q->broken,
		    (int)m->broken);
	FUZZ_ORACLE(q->last_avail == m->last_avail && q->used_idx == m->used_idx &&
			    q->in_flight == 0,
		    "notify-position", "at %u, %u; model: %u, %u; %u in flight", q->last_avail,
		    q->used_idx, m->last_avail, m->used_idx, q->in_flight);
}

#endif
