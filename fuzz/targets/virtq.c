/* SPDX-License-Identifier: MIT */
/*
 * virtq: a driver program, built from the input (fuzz/engine/virtq_prog.h), against the device side
 * of a split virtqueue. Nothing is repaired before the queue sees it.
 * @modules virtq
 * @format 2
 *
 * Oracles: an independent model (fuzz/engine/virtq_model.h) says what every call must return and
 * which bytes of guest memory change; at the end every dirty page must be as the model has it.
 * Where memory changed under the walk and a word is read twice by the rules, only what must hold
 * anyway is checked: segments in RAM, heads unique, sums below 2^32.
 */
#include <sys/mman.h>

#include <depth.h>
#include <stats.h>

DEPTH_COUNTERS(chain_walked, chain_of_several, chain_of_num, empty_buffer, ends_with_ram,
	       spans_regions, table_entered, table_of_several, table_after_direct, bytes_read,
	       bytes_stored, stored_in_pieces, store_failed, avail_wrapped, used_wrapped,
	       several_in_flight, pushed_out_of_order, pushed_when_broken, budget_reached,
	       interrupt_by_flag, interrupt_by_event, interrupt_suppressed, kicks_by_flag,
	       kicks_by_event, memory_changed, change_compared, reset_checked, enable_refused,
	       region_removed, recovered, err_loop, err_next, err_addr, err_order, err_indirect,
	       err_indirect_size, err_total, broken_avail, broken_head, broken_inflight,
	       broken_ring);

#ifdef __clang__
/* The driver and the model are no subjects: neither guides a fuzzer nor is checked. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif
#include <virtq_run.h>

#define MAX_OPS		    96u /* an input stops after so many */
#define MAX_REGIONS_CHANGED 3u	/* each costs the kernel more than all the rest */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the driver ------------------------------------------------------------------------------ */

static void offer(uint16_t head)
{
	poke16(R.m.avail + 4 + 2ull * (R.offer_idx % R.num), head);
	R.offer_idx++;
}

static void publish(void)
{
	poke16(R.m.avail + 2, R.offer_idx);
}

static void op_desc(void)
{
	uint16_t i = u8();
	uint64_t addr = address();
	uint32_t len = length(addr);
	uint8_t flags = u8(), next = u8();

	i = (uint16_t)(i % R.num);
	poke_desc(R.m.desc + 16ull * i, addr, len, flags,
		  next < 0xf0 ? (uint16_t)(next % R.num) : (uint16_t)(next << 8 | next));
	R.last_head = i;
}

/* See PROG_C_*: mostly a few, which is where most of what can be wrong with a chain is. */
static unsigned buffers_of(unsigned k)
{
	if (k < PROG_C_MANY)
		return k < 16 ? k + 1 : (k & 7) + 1;
	return 8 * (k - PROG_C_MANY + 1);
}

/*
 * Buffers in descriptors at (table), from (first) on, (entries) in a ring; (n) and the rest of the
 * arguments from the input. Returns how many.
 */
static unsigned put_buffers(uint64_t table, unsigned first, unsigned entries, uint8_t n)
{
	unsigned count = buffers_of(n & 63);
	uint64_t addr[8] = {0};
	uint32_t len[8] = {0};
	unsigned writable;

	if (count > entries)
		count = entries;
	writable = u8() % (count + 1);
	for (unsigned i = 0; i < count; i++) {
		unsigned at = (first + i) % entries, next = (first + i + 1) % entries;
		bool last = i + 1 == count;

		if (i < 8) {
			addr[i] = address();
			len[i] = length(addr[i]);
		}
		poke_desc(table + 16ull * at, addr[i % 8], len[i % 8],
			  (uint16_t)((last ? 0 : VIRTQ_DESC_F_NEXT) |
				     (i >= count - writable ? VIRTQ_DESC_F_WRITE : 0)),
			  last ? 0 : (uint16_t)next);
	}
	return count;
}

static void offer_as(uint8_t n)
{
	if (n & PROG_C_OFFER)
		offer(R.last_head);
	if (n & PROG_C_PUBLISH)
		publish();
}

static void op_chain(void)
{
	uint8_t n = u8();

	R.last_head = R.cursor;
	R.cursor = (uint16_t)((R.cursor + put_buffers(R.m.desc, R.cursor, R.num, n)) % R.num);
	offer_as(n);
}

static void op_indirect(void)
{
	uint64_t table = address();
	unsigned before = u8() & 3;
	uint8_t n = u8();
	unsigned count;

	R.last_head = R.cursor;
	for (unsigned i = 0; i < before; i++) {
		poke_desc(R.m.desc + 16ull * R.cursor, PROG_DATA + 64ull * i, 8, VIRTQ_DESC_F_NEXT,
			  (uint16_t)((R.cursor + 1) % R.num));
		R.cursor = (uint16_t)((R.cursor + 1) % R.num);
	}
	count = put_buffers(table, 0, PROG_NUM_MAX + 1, n);
	poke_desc(R.m.desc + 16ull * R.cursor, table, 16 * count, VIRTQ_DESC_F_INDIRECT, 0);
	R.cursor = (uint16_t)((R.cursor + 1) % R.num);
	offer_as(n);
}

static void op_offer(void)
{
	uint8_t s = u8();

	if (s == 0xff)
		offer(u16());
	else
		offer(s < 0x80 ? R.last_head : (uint16_t)(s % R.num));
}

static void op_avail_idx(void)
{
	uint8_t s = u8();

	R.offer_idx = s == 0x80 ? u16() : (uint16_t)(R.offer_idx + (int8_t)s);
	publish();
}

static void op_suppress(void)
{
	poke16(R.m.avail, u8());
	poke16(R.m.avail + 4 + 2ull * R.num, (uint16_t)(R.m.used_idx + (int8_t)u8()));
}

static void op_poke(void)
{
	uint64_t page = u8();
	uint64_t off = u8();

	poke16(PROG_RINGS + 16 * page + off, u16());
}

static void op_hook(void)
{
	struct change c = {.countdown = 1u + u8() % 32, .off = u8(), .flip = u8()};

	if (R.nr_pending < MAX_PENDING)
		R.pending[R.nr_pending++] = c;
}

/* ---- the device ------------------------------------------------------------------------------ */

static int next_chain(struct virtq_chain *c)
{
	struct model *m = &R.m;
	static struct model_chain e; /* big: no place for it on an instrumented stack */
	bool sure;
	int ret;

	model_next(m, &e);
	enter();
	ret = virtq_next(R.q, c);
	leave();
	FUZZ_ORACLE(R.reads <= m->num + 4, "steps", "%u reads for one chain of a queue of %u",
		    R.reads, m->num);
	sure = !R.changes || !model_reads_overlap(&e);
	if (sure) {
		if (R.changes)
			depth_hit(change_compared);
		FUZZ_ORACLE(ret == e.ret && R.q->broken == e.broken, "model-next",
			    "%d, broken %d; model: %d, %d", ret, (int)R.q->broken, e.ret,
			    (int)e.broken);
		FUZZ_ORACLE(R.reads <= e.nr_read, "read-once", "%u reads, %u words to judge",
			    R.reads, e.nr_read);
	}
	if (ret == 1) {
		check_chain(c);
		if (sure)
			compare_chain(c, &e);
		count_chain(c, &e);
		R.deep |= c->out_bytes + c->in_bytes > 0;
		m->flying[c->head] = true;
		m->in_flight++;
		m->popped++;
		m->last_avail++;
		m->budget--;
		if (!m->last_avail)
			depth_hit(avail_wrapped);
		if (m->in_flight > 1)
			depth_hit(several_in_flight);
	} else if (ret == 0) {
		uint8_t b[2];

		FUZZ_ORACLE(m->ready && !m->broken, "model-next", "nothing on offer, not an error");
		if (!m->budget)
			depth_hit(budget_reached);
		if (m->event_idx && !m->kicks_off) {
			st_le16(b, m->last_avail);
			device_stored(m->used + 4 + 8ull * m->num, b, 2);
		}
	} else if (ret == -EIO) {
		FUZZ_ORACLE(R.q->broken >= VIRTQ_E_AVAIL, "model-next", "-EIO without a reason");
		if (!m->broken)
			count_error(R.q->broken);
		m->broken = R.q->broken;
	}
	return ret;
}

/* Store (len) bytes at (off) of the writable part and check what that did. */
static void store(struct held *h, uint64_t off, uint64_t len)
{
	const struct virtq_seg *seg = h->c.seg + h->c.nr_out;
	const uint8_t *data = pattern + (R.salt++ & 63);
	uint64_t done = 0, at = 0;
	bool failed = false;
	int64_t ret;

	enter();
	ret = virtq_write(R.q, &h->c, off, data, len);
	leave();
	for (uint32_t i = 0; i < h->c.nr_in && done < len; at += seg[i++].len) {
		uint64_t skip = off + done - at, n;

		if (off + done >= at + seg[i].len)
			continue;
		n = seg[i].len - skip < len - done ? seg[i].len - skip : len - done;
		if (!model_is_ram(&R.m, seg[i].gpa + skip, n)) {
			failed = true;
			break;
		}
		device_stored(seg[i].gpa + skip, data + done, n);
		done += n;
	}
	if (done && off + done > h->stored)
		h->stored = (uint32_t)(off + done);
	if (done)
		depth_hit(bytes_stored);
	if (failed)
		depth_hit(store_failed);
	FUZZ_ORACLE(ret == (failed ? -EFAULT : (int64_t)done), "write", "%lld, stored %llu",
		    (long long)ret, (unsigned long long)done);
	FUZZ_ORACLE(h->c.written == h->stored, "written", "%u, stored %u", h->c.written, h->stored);
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, uint64_t n)
{
	uint8_t differ = 0;

	for (uint64_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static void load(struct held *h)
{
	const struct virtq_seg *seg = h->c.seg;
	uint64_t off = u8(), len = u8() * 4ull, done = 0, at = 0;
	bool failed = false, armed = R.nr_pending;
	int64_t ret;

	/* The expectation first: reading may change what is there. */
	for (uint32_t i = 0; i < h->c.nr_out && done < len; at += seg[i++].len) {
		uint64_t skip = off + done - at, n;

		if (off + done >= at + seg[i].len)
			continue;
		n = seg[i].len - skip < len - done ? seg[i].len - skip : len - done;
		if (!model_is_ram(&R.m, seg[i].gpa + skip, n)) {
			failed = true;
			break;
		}
		model_copy(&R.m, seg[i].gpa + skip, scratch[0] + done, NULL, n);
		done += n;
	}
	enter();
	ret = virtq_read(R.q, &h->c, off, scratch[1], len);
	leave();
	FUZZ_ORACLE(ret == (failed ? -EFAULT : (int64_t)done), "read", "%lld, there are %llu",
		    (long long)ret, (unsigned long long)done);
	FUZZ_ORACLE(failed || armed || same_bytes(scratch[0], scratch[1], done), "read-data",
		    "other bytes than the buffers hold");
	if (done)
		depth_hit(bytes_read);
}

static void push(struct held *h)
{
	struct model *m = &R.m;
	uint64_t slot = m->used + 4 + 8ull * (m->used_idx % m->num), idx = m->used + 2;
	bool elem_there = model_is_ram(m, slot, 8), idx_there = model_is_ram(m, idx, 2);
	uint8_t elem[8], want[8], now[2];
	int ret;

	st_le32(want, h->c.head);
	st_le32(want + 4, h->stored);
	if (m->broken)
		depth_hit(pushed_when_broken);
	enter();
	ret = virtq_push(R.q, &h->c);
	leave();
	FUZZ_ORACLE(ret == (elem_there && idx_there ? 0 : -EIO), "push", "returned %d", ret);
	if (elem_there)
		device_stored(slot, want, 8);
	if (ret) {
		R.lost++;
		if (!m->broken)
			count_error(VIRTQ_E_RING);
		m->broken = m->broken ? m->broken : VIRTQ_E_RING;
		return;
	}
	m->used_idx++;
	m->in_flight--;
	m->flying[h->c.head] = false;
	st_le16(now, m->used_idx);
	device_stored(idx, now, 2);
	if (!m->used_idx)
		depth_hit(used_wrapped);

	FUZZ_ORACLE(!gmem_read(R.g, slot, elem, 8) && !gmem_read(R.g, idx, now, 2), "gmem",
		    "the used ring went away");
	FUZZ_ORACLE(ld_le32(elem) == h->c.head, "used-id", "%u, pushed %u", ld_le32(elem),
		    h->c.head);
	FUZZ_ORACLE(ld_le32(elem + 4) == h->stored, "used-len", "%u, stored %u", ld_le32(elem + 4),
		    h->stored);
	FUZZ_ORACLE(ld_le16(now) == m->used_idx, "used-idx", "%u, model: %u", ld_le16(now),
		    m->used_idx);
}

/* Do with the chain what the input says; true: it was pushed. */
static bool act(struct held *h)
{
	uint8_t a = u8();
	uint64_t n;

	if (a & PROG_ACT_READ)
		load(h);
	switch (a & PROG_ACT) {
	case PROG_ACT_FULL:
		n = h->c.in_bytes < MAX_STORE ? h->c.in_bytes : MAX_STORE;
		store(h, 0, n);
		break;
	case PROG_ACT_PIECES:
		n = u8();
		store(h, 0, n);
		store(h, h->stored, u8());
		store(h, 0, n / 2);
		depth_hit(stored_in_pieces);
		break;
	case PROG_ACT_HOLD:
		return false;
	default:
		break;
	}
	push(h);
	return true;
}

/* One chain: 1 and *head when it was pushed, 2 when it is held, or what virtq_next() said. */
static int serve(uint16_t *head)
{
	struct held *h = &R.pool[R.slots[R.nr_held]];
	int ret = next_chain(&h->c);

	if (ret != 1)
		return ret;
	h->stored = 0;
	*head = h->c.head;
	if (act(h))
		return 1;
	for (uint32_t i = 0; i < h->c.nr_out + h->c.nr_in; i++)
		h->seg[i] = h->c.seg[i];
	h->c.seg = h->seg; /* the queue's storage is for the next chain */
	R.nr_held++;
	return 2;
}

static void op_push_held(void)
{
	uint8_t which = u8(), slot;

	if (!R.nr_held)
		return;
	which = (uint8_t)(which % R.nr_held);
	slot = R.slots[which];
	if (!act(&R.pool[slot]))
		return;
	if (which)
		depth_hit(pushed_out_of_order);
	R.nr_held--;
	memmove(R.slots + which, R.slots + which + 1, R.nr_held - which);
	R.slots[R.nr_held] = slot;
}

static void op_interrupt(void)
{
	struct model *m = &R.m;
	bool want = false, got;
	uint16_t word;

	if (m->ready && m->asked != m->used_idx) {
		uint64_t at = m->event_idx ? m->avail + 4 + 2ull * m->num : m->avail;

		if (!model_read16(m, at, &word)) {
			if (!m->broken)
				count_error(VIRTQ_E_RING);
			m->broken = m->broken ? m->broken : VIRTQ_E_RING;
		} else {
			want = m->event_idx ? model_event_hit(m, word) : !(word & 1);
			m->asked = m->used_idx;
			if (!want)
				depth_hit(interrupt_suppressed);
			else if (m->event_idx)
				depth_hit(interrupt_by_event);
			else
				depth_hit(interrupt_by_flag);
		}
	}
	enter();
	got = virtq_needs_interrupt(R.q);
	leave();
	FUZZ_ORACLE(got == want, "interrupt", "%d, model: %d", got, want);
}

static void want_kicks(bool want)
{
	struct model *m = &R.m;
	uint64_t at = m->event_idx ? m->used + 4 + 8ull * m->num : m->used;
	uint16_t next = (uint16_t)(m->last_avail + 1);
	uint8_t b[2];

	enter();
	virtq_want_kicks(R.q, want);
	leave();
	if (!m->ready)
		return;
	m->kicks_off = !want;
	if (!model_is_ram(m, at, 2)) {
		m->broken = m->broken ? m->broken : VIRTQ_E_RING;
		return;
	}
	FUZZ_ORACLE(!gmem_read(R.g, at, b, 2), "gmem", "the used ring went away");
	if (m->event_idx) { /* 2.7.10: the next entry rings, or does not; which value is free */
		FUZZ_ORACLE(((uint16_t)(next - ld_le16(b) - 1) < 1) == want, "kicks",
			    "avail_event %u at %u", ld_le16(b), m->last_avail);
		depth_hit(kicks_by_event);
	} else {
		FUZZ_ORACLE(ld_le16(b) == !want, "kicks", "flags %u", ld_le16(b));
		depth_hit(kicks_by_flag);
	}
	device_stored(at, b, 2);
}

static void op_kick(void)
{
	uint8_t how = u8();
	uint16_t head = 0;
	unsigned n = 0;
	int ret;

	virtq_kick_begin(R.q);
	R.m.budget = R.m.num;
	if (how & PROG_K_QUIET)
		want_kicks(false);
	while ((ret = serve(&head)) > 0) {
		FUZZ_ORACLE(++n <= R.m.num, "kick-bound", "%u chains for one doorbell", n);
		if (ret == 1 && (how & PROG_K_REFILL)) {
			offer(head);
			publish();
		}
	}
	if (how & PROG_K_QUIET)
		want_kicks(true);
	if (how & PROG_K_INTERRUPT)
		op_interrupt();
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static void lay_out(uint8_t layout, uint32_t num)
{
	uint64_t end = PROG_R2 + PROG_R2_LEN;
	struct model *m = &R.m;

	m->desc = PROG_RINGS;
	m->avail = PROG_AVAIL;
	m->used = PROG_USED;
	switch (layout % PROG_LAYOUTS) {
	case PROG_L_USED_R2:
		m->used = PROG_R2 + 0x100;
		break;
	case PROG_L_AVAIL_BORDER:
		m->avail = PROG_R2 - 6;
		break;
	case PROG_L_DESC_END:
		m->desc = end - 16ull * num;
		break;
	case PROG_L_USED_BORDER:
		m->used = PROG_R2 - 4;
		break;
	case PROG_L_OVERLAP:
		m->used = PROG_RINGS;
		break;
	case PROG_L_AVAIL_R1:
		m->avail = PROG_R1 + 0x40;
		break;
	case PROG_L_CUSTOM:
		m->desc = address();
		m->avail = address();
		m->used = address();
		break;
	default:
		break;
	}
}

/* Of a queue that was just reset. (clean): nothing was written to memory yet. */
static void set_up(uint32_t num, uint8_t features, uint8_t layout, uint16_t start, bool clean)
{
	static const uint8_t zeros[4];
	struct model *m = &R.m;
	struct virtq *q = R.q;
	int ret;

	R.num = num && num <= PROG_NUM_MAX ? num : 8;
	R.cursor = R.last_head = 0;
	R.nr_held = R.lost = 0;
	memset(m->flying, 0, sizeof(m->flying));
	lay_out(layout, R.num);
	m->num = num;
	m->event_idx = features & PROG_W_EVENT_IDX;
	m->indirect = !(features & PROG_W_NO_INDIRECT);
	m->kicks_off = false;
	m->broken = VIRTQ_OK;
	m->in_flight = m->budget = 0;
	m->popped = 0;
	q->num = num;
	q->desc = m->desc;
	q->avail = m->avail;
	q->used = m->used;
	q->event_idx = m->event_idx;
	q->indirect = m->indirect;
	ret = virtq_enable(q, NULL);
	m->ready = model_may_enable(m);
	FUZZ_ORACLE((ret == 0) == m->ready, "enable", "returned %d, model: %d", ret, m->ready);
	if (!m->ready)
		depth_hit(enable_refused);
	/* As a queue that was loaded from saved state: the indices need not start at 0. */
	m->last_avail = m->used_idx = m->asked = R.offer_idx = start;
	q->last_avail = q->used_idx = q->signalled = start;
	if (!clean) {
		poke(m->avail, zeros, sizeof(zeros));
		poke(m->used, zeros, sizeof(zeros));
	}
	if (start) {
		poke16(m->avail + 2, start);
		poke16(m->used + 2, start);
	}
}

static void op_reconf(void)
{
	static const uint32_t bad[] = {PROG_BAD_NUMS};
	uint8_t n = u8(), features = u8(), layout = u8();

	virtq_reset(R.q);
	/* All of it but the pointers behind: more than state_hash() looks at, and quicker. */
	FUZZ_ORACLE(!memcmp(R.q, &R.w->fresh,
			    R.dear ? offsetof(struct virtq, mem)
				   : offsetof(struct virtq, in_flight_map) + PROG_NUM_MAX / 8),
		    "reset", "a queue that was reset differs from a fresh one");
	depth_hit(reset_checked);
	n %= 7 + ARRAY_SIZE(bad);
	set_up(n < 7 ? 1u << n : bad[n - 7], features, layout, 0, false);
}

static void op_region(void)
{
	struct model_region *r = &R.m.region[u8() % 3];

	if (!R.dear || R.w != &worlds[1] || R.regions_changed >= MAX_REGIONS_CHANGED)
		return;
	R.regions_changed++;
	if (r->present) {
		FUZZ_ORACLE(!gmem_remove(R.g, r->gpa), "gmem", "region at %#llx is not there",
			    (unsigned long long)r->gpa);
		depth_hit(region_removed);
	} else {
		FUZZ_ORACLE(!gmem_add(R.g, r->gpa, r->len, GMEM_RAM, NULL), "gmem", "no region");
		memset(r->bytes, 0, r->len);
	}
	r->present = !r->present;
}

static void world_make(struct world *w, bool big)
{
	static const struct model_region regions[MODEL_REGIONS] = {
		{PROG_R0, PROG_R0_LEN, NULL, true, true},
		{PROG_R1, PROG_R1_LEN, NULL, true, true},
		{PROG_R2, PROG_R2_LEN, NULL, true, true},
		{PROG_ROM, PROG_ROM_LEN, NULL, false, true},
		{PROG_BIG, PROG_BIG_LEN, NULL, true, true},
	};
	int bad = gmem_new(&w->g, NULL);

	for (unsigned i = 0; i < MODEL_REGIONS && !bad; i++) {
		w->region[i] = regions[i];
		w->region[i].present = big || regions[i].gpa != PROG_BIG;
		if (!w->region[i].present)
			continue;
		/* Zeroed, and there only where it is touched. */
		w->region[i].bytes = mmap(NULL, regions[i].len, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		bad = w->region[i].bytes == MAP_FAILED ||
		      gmem_add(w->g, regions[i].gpa, regions[i].len,
			       regions[i].ram ? GMEM_RAM : GMEM_ROM, NULL);
	}
	bad = bad || gmem_snap(w->g, &w->snap, NULL) ||
	      virtq_init(&w->q, w->g, NULL, 0, PROG_NUM_MAX, NULL);
	FUZZ_ORACLE(!bad, "set-up", "no memory for the machine");
	w->fresh = w->q;
	gmem_set_read_hook(w->g, on_read, NULL);
}

/* A page that was written: as the model has it? Then make the model's zero again. */
static void check_page(void *ctx, uint64_t gpa)
{
	struct model_region *r = model_at(&R.m, gpa);
	const uint8_t *now = gmem_ro(R.g, gpa, GMEM_PAGE);
	uint8_t *want = r ? r->bytes + (gpa - r->gpa) : NULL;

	(void)ctx;
	FUZZ_ORACLE(r && r->ram && now, "write-set", "page %#llx, which is no RAM, was written",
		    (unsigned long long)gpa);
	if (fuzz_page_take(now, want))
		return;
	for (unsigned i = 0; i < GMEM_PAGE; i++)
		FUZZ_ORACLE(now[i] == want[i], "write-set", "byte %#llx is %#x, model: %#x",
			    (unsigned long long)gpa + i, now[i], want[i]);
}

static void finish(void)
{
	gmem_dirty_each(R.g, check_page, NULL);
	for (unsigned i = 0; i < 3 && R.regions_changed; i++) {
		struct model_region *r = &R.m.region[i];

		memset(r->bytes, 0, r->len);
		FUZZ_ORACLE(r->present || !gmem_add(R.g, r->gpa, r->len, GMEM_RAM, NULL), "gmem",
			    "no region");
	}
	FUZZ_ORACLE(!gmem_restore(R.g, R.w->snap), "gmem", "memory can't be put back");
}

static void begin(const uint8_t *data, size_t size)
{
	uint8_t num, features, layout, start;

	if (!worlds[0].g) {
		for (unsigned i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(1 + i * 7 % 251); /* never 0 */
		for (unsigned i = 0; i < sizeof(R.slots); i++)
			R.slots[i] = (uint8_t)i;
		world_make(&worlds[0], true);
		world_make(&worlds[1], false);
	}
	R.p = data;
	R.end = data + size;
	R.dear = fuzz_dear(data, size);
	R.deep = false;
	num = u8();
	features = u8();
	layout = u8();
	start = u8();
	R.w = &worlds[(features & PROG_W_REGIONS_MASK) == PROG_W_REGIONS_GO];
	R.g = R.w->g;
	R.q = &R.w->q;
	memcpy(R.m.region, R.w->region, sizeof(R.m.region));
	R.salt = R.nr_pending = 0;
	R.regions_changed = 0;
	virtq_reset(R.q);
	set_up(1u << num % (num < PROG_W_ANY_NUM ? 7 : 5), features, layout, (uint16_t)-start,
	       true);
}

/*
 * Whatever an input built up is looked at: the last chain is offered if none is, and the bell rung. A
 * queue that is broken or was refused must come back by a reset, on memory as it is then.
 */
static void last_kick(void)
{
	uint16_t head = R.last_head;

	if (!R.m.ready || R.m.broken) {
		virtq_reset(R.q);
		set_up(R.num, 0, PROG_L_COMPACT, 0, false);
		R.last_head = head;
		depth_hit(recovered);
	}
	if (!R.m.ready) /* its memory was taken away */
		return;
	if (R.offer_idx == R.m.last_avail)
		offer(R.last_head);
	/* And a good request behind it, unless its descriptor is in flight. */
	head = (uint16_t)(R.cursor % R.num);
	if (R.num > 1 && !R.m.flying[head] && head != R.last_head) {
		poke_desc(R.m.desc + 16ull * head, PROG_DATA, 64, VIRTQ_DESC_F_WRITE, 0);
		offer(head);
	}
	publish();
	op_kick(); /* the input is at its end: every chain is pushed with nothing stored */
	check_queue();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ops[PROG_OPS])(void) = {
		[PROG_DESC] = op_desc,		 [PROG_CHAIN] = op_chain,
		[PROG_INDIRECT] = op_indirect,	 [PROG_OFFER] = op_offer,
		[PROG_PUBLISH] = publish,	 [PROG_AVAIL_IDX] = op_avail_idx,
		[PROG_SUPPRESS] = op_suppress,	 [PROG_KICK] = op_kick,
		[PROG_PUSH_HELD] = op_push_held, [PROG_RECONF] = op_reconf,
		[PROG_POKE] = op_poke,		 [PROG_HOOK] = op_hook,
		[PROG_REGION] = op_region,	 [PROG_INTERRUPT] = op_interrupt,
	};

	unsigned n;

	begin(data, size);
	for (n = 0; n < MAX_OPS && R.p < R.end; n++) {
		uint8_t op = u8() % PROG_OPS;
		uint16_t head;

		if (op == PROG_WANT_KICKS)
			want_kicks(u8() & 1);
		else if (op == PROG_NEXT)
			(void)serve(&head);
		else
			ops[op]();
		check_queue();
	}
	last_kick();
	finish();
	fuzz_case(n, R.deep);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
