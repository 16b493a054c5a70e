/* SPDX-License-Identifier: MIT */
/*
 * kit_rings: what is judged of a device that walks its split rings by itself (QUEUES = own), without any
 * help of it, from what it stores: every chain that was offered comes back once, in a used element with
 * its head and with the bytes that were stored in its writable part, from the first on without a gap; the
 * index moves by as many as came back; nothing else is in the used ring. A chain that the driver got wrong
 * may come back in any way, or end in DEVICE_NEEDS_RESET. Part of kit_machine.h.
 */
#ifndef VISE_KIT_RINGS_H
#define VISE_KIT_RINGS_H

#define KR_CHAINS MC_NUM

struct kr_chain {
	uint16_t head;
	bool there, bad, shared;
	unsigned n;
	uint64_t in_bytes, stored; /* stored: from the first on without a gap */
	struct virtq_seg in[MC_BUFFERS];
};

static struct kr_queue {
	uint16_t used;
	unsigned waiting, slots;
	bool confused; /* the driver offered more than a queue holds */
	struct kr_chain chain[KR_CHAINS];
} kr[VIRTIO_QUEUES];

static void kr_begin(void)
{
	memset(kr, 0, sizeof(kr));
}

/* Who stored what can't be told then. */
static bool kr_overlap(const struct kr_chain *a, const struct kr_chain *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned j = 0; j < b->n; j++)
			if (range_overlaps(a->in[i].gpa, a->in[i].len, b->in[j].gpa, b->in[j].len))
				return true;
	return false;
}

static void kr_offered(unsigned k, uint16_t head, const struct virtq_seg *s, unsigned out,
		       unsigned n)
{
	struct kr_queue *q = &kr[k];
	struct kr_chain *c = q->chain;
	uint64_t total = 0;

	while (c < q->chain + KR_CHAINS && c->there)
		c++;
	q->slots += n;
	if (c == q->chain + KR_CHAINS || (k >= MC_SLOTS / 2 && M.n > 1) ||
	    q->waiting >= M.dev[0].q[k].num || !n || q->slots > M.dev[0].q[k].num) {
		q->confused = true;
		return;
	}
	*c = (struct kr_chain){.head = head, .there = true};
	for (unsigned i = 0; i < n; i++) {
		total += s[i].len;
		c->bad |= !s[i].len || !range_within(s[i].gpa, s[i].len, 0, MC_RAM);
		if (i < out)
			continue;
		for (unsigned j = 0; j < c->n; j++)
			c->shared |= range_overlaps(s[i].gpa, s[i].len, c->in[j].gpa, c->in[j].len);
		for (unsigned j = 0; j < out && j < n; j++)
			c->shared |= range_overlaps(s[i].gpa, s[i].len, s[j].gpa, s[j].len);
		c->in[c->n++] = s[i];
		c->in_bytes += s[i].len;
	}
	c->bad |= total > UINT32_MAX;
	for (struct kr_chain *o = q->chain; o < q->chain + KR_CHAINS; o++)
		if (o != c && o->there && kr_overlap(o, c))
			o->shared = c->shared = true;
	q->waiting++;
}

static void kr_stored(uint64_t gpa, uint64_t len)
{
	for (unsigned k = 0; k < M.dev[0].v->nr_queues; k++) {
		for (unsigned i = 0; i < KR_CHAINS; i++) {
			struct kr_chain *c = &kr[k].chain[i];
			uint64_t before = 0;

			for (unsigned j = 0; c->there && j < c->n; j++) {
				uint64_t off = gpa - c->in[j].gpa;

				if (off < c->in[j].len && before + off <= c->stored &&
				    before + off + len > c->stored)
					c->stored = before + off + len;
				before += c->in[j].len;
			}
		}
	}
}

static void kr_returned(struct kr_queue *q, unsigned k, uint32_t id, uint32_t len)
{
	struct kr_chain *c = q->chain;

	while (c < q->chain + KR_CHAINS && !(c->there && c->head == id))
		c++;
	FUZZ_ORACLE(c < q->chain + KR_CHAINS, "used-id",
		    "queue %u: %u was given back and was not offered", k, id);
	c->there = false;
	q->waiting--;
	if (c->bad)
		return;
	FUZZ_ORACLE(len <= c->in_bytes, "used-len", "queue %u: used.len %u of %llu writable", k,
		    len, (unsigned long long)c->in_bytes);
	FUZZ_ORACLE(c->shared || len == c->stored, "used-len", "queue %u: used.len %u, stored %llu",
		    k, len, (unsigned long long)c->stored);
	depth_hit(chain_returned);
}

static void kr_kicked(unsigned k)
{
	const struct virtio *v = M.dev[0].v;
	const struct virtq *at = &v->q[k];
	struct kr_queue *q = &kr[k];
	uint16_t idx;
	bool bad = false;

	if (!at->ready || M.unsure || q->confused || at->used != M.dev[0].q[k].at + MC_USED)
		return;
	idx = ld_le16(M.ram + at->used + 2);
	FUZZ_ORACLE((uint16_t)(idx - q->used) <= q->waiting, "used-idx",
		    "queue %u: from %u to %u, %u chains were on offer", k, q->used, idx,
		    q->waiting);
	for (; q->used != idx; q->used++) {
		const uint8_t *e = M.ram + at->used + 4 + 8ull * (q->used % at->num);

		kr_returned(q, k, ld_le32(e), ld_le32(e + 4));
	}
	for (unsigned i = 0; i < KR_CHAINS; i++)
		bad |= q->chain[i].there && q->chain[i].bad;
	FUZZ_ORACLE(!q->waiting || bad || v->status & VIRTIO_S_NEEDS_RESET ||
			    (&kit_holds && kit_holds >> k & 1),
		    "chain-lost", "queue %u: %u never come back", k, q->waiting);
	if (!q->waiting)
		q->slots = 0;
	else if (bad)
		q->confused = true;
}

/* A queue that was reset begins anew. */
static void kr_check(void)
{
	const struct virtio *v = M.dev[0].v;

	for (unsigned k = 0; k < v->nr_queues; k++)
		if (!v->q[k].ready && (kr[k].used || kr[k].waiting || kr[k].confused))
			memset(&kr[k], 0, sizeof(kr[k]));
}

#endif
