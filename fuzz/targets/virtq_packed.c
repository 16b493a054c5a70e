/* SPDX-License-Identifier: MIT */
/*
 * virtq_packed: a driver of a packed ring, built from the input, against the device side. Nothing is
 * repaired before the queue sees it.
 * @modules virtq
 *
 * Input: features and size of the ring, then operations of two to six bytes; any bytes are a program.
 *
 * Oracles: a model written from section 2.8 alone says what each call must return, which list that
 * is, and which bytes of memory change; at the end all of memory is as the model has it. A queue is
 * saved and loaded in the middle of dear inputs, and goes on the same.
 */
#include <errno.h>

#include <depth.h>
#include <oracle.h>
#include <stats.h>

/* The driver and the model are no subjects: neither guides a fuzzer nor is checked. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage", "address", "undefined"))),     \
			     apply_to = function)
#endif
#include <vmm/virtq.h>

DEPTH_COUNTERS(list_taken, list_of_several, list_over_end, table_entered, bytes_stored, pushed,
	       pushed_out_of_order, round_ended, err_order, err_addr, err_indirect,
	       err_indirect_size, broken_endless, broken_avail, interrupt_wanted, interrupt_not,
	       event_wanted, event_not, kicks_off, size_refused, saved);

#define RAM	0x4000u
#define RING	0x100u
#define DRIVER	0x800u /* event suppression, the driver's */
#define DEVICE	0x810u /* and the device's */
#define DATA	0x1000u
#define NUM_MAX 16u
#define OPS	128u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct in {
	const uint8_t *p, *end;
};

static uint8_t u8(struct in *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static uint16_t u16(struct in *in)
{
	uint16_t lo = u8(in);

	return (uint16_t)(lo | u8(in) << 8);
}

/* What a list in flight is for the model. */
struct list {
	uint16_t head, slot, id, slots;
};

/* The device as 2.8 has it. Memory is what the queue must have made of it. */
struct model {
	uint32_t num;
	bool event_idx, indirect, broken, kicks_off;
	uint32_t at, used;	   /* entries since the start: position is modulo num, the round's
				      parity the wrap counter */
	uint32_t asked;		   /* used, when an interrupt was last asked for */
	uint32_t budget, nr;	   /* lists in flight */
	struct list list[NUM_MAX]; /* in order of taking */
};

static struct world {
	struct gmem *mem;
	struct gmem_snap *snap; /* all zeroes */
	const uint8_t *ram;
	uint8_t want[RAM]; /* what must be there; zeroes between inputs */
	struct virtq q;
	struct model m;
	struct virtq_chain c; /* the last one taken */
	bool have;	      /* its segments are still the queue's */
	bool deep;	      /* a list with bytes was taken */
} W;

static bool wrap_of(uint32_t entries)
{
	return entries / W.m.num % 2 == 0;
}

/* Both memories, or one as the driver does: it writes what it likes where it likes. */
static void poke(uint32_t gpa, const void *p, uint32_t len)
{
	FUZZ_ORACLE(!gmem_write(W.mem, gpa, p, len), "gmem", "RAM at %#x refuses a store", gpa);
	memcpy(W.want + gpa, p, len);
}

/* ---- the model ----------------------------------------------------------------------------------- */

struct want {
	int r;
	enum virtq_error error;
	struct list list;
	uint32_t nr_out, nr_in;
	uint64_t out, in;
};

/* One element of the list: it counts, or is the first thing wrong with it. */
static void model_element(struct want *w, uint64_t addr, uint32_t len, uint16_t flags)
{
	if (w->error)
		return;
	if (!(flags & VIRTQ_DESC_F_WRITE) && w->nr_in)
		w->error = VIRTQ_E_ORDER;
	else if (len && (addr >= RAM || len > RAM - addr))
		w->error = VIRTQ_E_ADDR;
	else if (w->out + w->in + len > UINT32_MAX)
		w->error = VIRTQ_E_TOTAL;
	else if (flags & VIRTQ_DESC_F_WRITE) {
		w->nr_in++;
		w->in += len;
	} else {
		w->nr_out++;
		w->out += len;
	}
}

static void model_table(struct want *w, uint64_t addr, uint32_t len, bool alone)
{
	const struct model *m = &W.m;

	if (w->error)
		return;
	if (!m->indirect || !alone)
		w->error = VIRTQ_E_INDIRECT;
	else if (!len || len % 16 || len / 16 > m->num || addr >= RAM || len > RAM - addr)
		w->error = VIRTQ_E_INDIRECT_SIZE;
	else
		depth_hit(table_entered);
	for (uint32_t i = 0; i < len / 16 && !w->error; i++) {
		const uint8_t *d = W.want + addr + 16 * i;

		model_element(w, ld_le64(d), ld_le32(d + 8), ld_le16(d + 14));
	}
}

static struct want model_next(void)
{
	struct model *m = &W.m;
	struct want w = {0};
	uint32_t slots = 0, out = m->at - m->used;

	FUZZ_ORACLE(m->num, "size", "a queue of no entries runs");
	if (m->broken)
		return (struct want){.r = -EIO};
	while (m->budget) {
		const uint8_t *d = W.want + RING + 16 * ((m->at + slots) % m->num);
		uint16_t flags = ld_le16(d + 14);
		bool next = flags & VIRTQ_DESC_F_NEXT;

		if (!slots && (!(flags & VIRTQ_DESC_F_AVAIL) == wrap_of(m->at) ||
			       !(flags & VIRTQ_DESC_F_USED) != wrap_of(m->at)))
			break;
		slots++;
		if (flags & VIRTQ_DESC_F_INDIRECT)
			model_table(&w, ld_le64(d), ld_le32(d + 8), slots == 1 && !next);
		else
			model_element(&w, ld_le64(d), ld_le32(d + 8), flags);
		if (next && slots < m->num)
			continue;
		m->broken = next || out + slots > m->num;
		if (next)
			depth_hit(broken_endless);
		else if (m->broken)
			depth_hit(broken_avail);
		if (m->broken)
			return (struct want){.r = -EIO};
		w.r = 1;
		w.list = (struct list){0, (uint16_t)(m->at % m->num), ld_le16(d + 12),
				       (uint16_t)slots};
		if (w.error)
			w.nr_out = w.nr_in = 0, w.out = w.in = 0;
		m->list[m->nr++] = w.list;
		m->at += slots;
		m->budget--;
		return w;
	}
	if (m->event_idx && !m->kicks_off) {
		st_le16(W.want + DEVICE,
			(uint16_t)(m->at % m->num | (wrap_of(m->at) ? 0x8000 : 0)));
		st_le16(W.want + DEVICE + 2, VIRTQ_EVENT_DESC);
	}
	return w;
}

/* 2.8.9: entries [asked, used) were used since; is (event) one of them? */
static bool model_interrupt(void)
{
	struct model *m = &W.m;
	uint16_t off = ld_le16(W.want + DRIVER), flags = ld_le16(W.want + DRIVER + 2) & 3;
	uint32_t from = m->asked;
	bool yes = flags != VIRTQ_EVENT_DISABLE;

	if (from == m->used)
		return false;
	m->asked = m->used;
	if (flags != VIRTQ_EVENT_DESC || !m->event_idx || m->used - from >= m->num)
		return yes;
	yes = false;
	for (uint32_t e = from; e < m->used; e++)
		yes |= e % m->num == (off & 0x7fff) && wrap_of(e) == !!(off & 0x8000);
	/*
	 * The offset may lie beyond the ring: no entry has that number. Seen from the next round it is
	 * one that was passed; what it means is nobody's business, so either answer will do.
	 */
	return yes;
}

/* ---- operations ---------------------------------------------------------------------------------- */

static void op_desc(struct in *in)
{
	uint8_t where = u8(in), how = u8(in), kind = u8(in);
	uint32_t gpa =
		where & 0x40 ? DATA + 0x2000 + 16u * (where & 15) : RING + 16u * (where & 15);
	uint16_t flags = (uint16_t)(how & 7);
	uint8_t d[16];
	uint64_t addr = DATA + 64u * (kind & 31);
	uint32_t len = 16;

	/* The round's flags right, mostly. */
	flags |= (where & 0x80 ? how >> 7 : wrap_of(W.m.at)) ? VIRTQ_DESC_F_AVAIL
							     : VIRTQ_DESC_F_USED;
	if (how & 0x40)
		flags ^= VIRTQ_DESC_F_USED;
	switch (kind >> 5) {
	case 0:
		len = 0;
		break;
	case 1:
		addr = DATA + 0x2000;
		len = 16 * (1 + (kind & 31));
		break;
	case 2:
		addr = RAM - 16 + (kind & 31);
		break;
	case 3:
		addr = u16(in) * 0x0123456789abull;
		break;
	case 4:
		len = (uint32_t)u16(in) << 16 | 0xffff;
		addr = 0;
		break;
	default:
		break;
	}
	st_le64(d, addr);
	st_le32(d + 8, len);
	st_le16(d + 12, u8(in));
	st_le16(d + 14, flags);
	poke(gpa, d, sizeof(d));
}

/* A list that a good driver makes: consecutive entries from where the device is, or behind that. */
static void op_list(struct in *in)
{
	uint8_t n = u8(in), shape = u8(in);
	uint32_t count = 1 + (n & 7), from = W.m.at + (n >> 3 & 7);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = from + i;
		uint16_t flags = wrap_of(at) ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
		uint8_t d[16];

		if (i + 1 < count)
			flags |= VIRTQ_DESC_F_NEXT;
		if (shape >> i & 1)
			flags |= VIRTQ_DESC_F_WRITE;
		st_le64(d, DATA + 0x100 * i);
		st_le32(d + 8, 1u << i);
		st_le16(d + 12, (uint16_t)(n << 8 | shape));
		st_le16(d + 14, flags);
		poke(RING + 16 * (at % W.m.num), d, sizeof(d));
	}
}

static void count_taken(const struct want *w)
{
	switch (w->error) {
	case VIRTQ_OK:
		depth_hit(list_taken);
		break;
	case VIRTQ_E_ORDER:
		depth_hit(err_order);
		break;
	case VIRTQ_E_ADDR:
		depth_hit(err_addr);
		break;
	case VIRTQ_E_INDIRECT:
		depth_hit(err_indirect);
		break;
	case VIRTQ_E_INDIRECT_SIZE:
		depth_hit(err_indirect_size);
		break;
	default: /* 4 GiB are more than this memory can be named for */
		break;
	}
	if (w->list.slots > 1)
		depth_hit(list_of_several);
	if (w->list.slot + w->list.slots > W.m.num)
		depth_hit(list_over_end);
}

static void check_taken(const struct want *w)
{
	const struct virtq_chain *c = &W.c;
	uint64_t sum[2] = {0};

	FUZZ_ORACLE(c->error == w->error, "list-error", "error %u, the model has %u", c->error,
		    w->error);
	FUZZ_ORACLE(c->id == w->list.id && c->slots == w->list.slots, "list",
		    "id %u slots %u, the model has %u %u", c->id, c->slots, w->list.id,
		    w->list.slots);
	FUZZ_ORACLE(c->head < W.m.num, "number", "%u of %u", c->head, W.m.num);
	for (uint32_t i = 0; i + 1 < W.m.nr; i++)
		FUZZ_ORACLE(W.m.list[i].head != c->head, "number", "%u is in flight", c->head);
	W.m.list[W.m.nr - 1].head = c->head;
	FUZZ_ORACLE(c->nr_out == w->nr_out && c->nr_in == w->nr_in && c->out_bytes == w->out &&
			    c->in_bytes == w->in && !c->written,
		    "list-sums", "%u and %u segments, the model has %u and %u", c->nr_out, c->nr_in,
		    w->nr_out, w->nr_in);
	for (uint32_t i = 0; i < c->nr_out + c->nr_in; i++) {
		FUZZ_ORACLE(!c->seg[i].len ||
				    (c->seg[i].gpa < RAM && c->seg[i].len <= RAM - c->seg[i].gpa),
			    "segment-in-ram", "%#llx", (unsigned long long)c->seg[i].gpa);
		sum[i >= c->nr_out] += c->seg[i].len;
	}
	FUZZ_ORACLE(sum[0] == c->out_bytes && sum[1] == c->in_bytes, "segment-sums", "differ");
}

static void op_next(void)
{
	struct want w = model_next();
	int r = virtq_next(&W.q, &W.c);

	FUZZ_ORACLE(r == w.r, "next", "%d, the model has %d", r, w.r);
	W.have = r == 1;
	if (r != 1)
		return;
	W.deep |= w.out + w.in > 0;
	count_taken(&w);
	check_taken(&w);
}

/* Bytes into the writable part of the list that was taken last. */
static void op_write(struct in *in)
{
	uint8_t len = u8(in), off = u8(in), buf[256];
	uint64_t pos = 0, want = 0;

	if (!W.have)
		return;
	for (unsigned i = 0; i < len; i++)
		buf[i] = (uint8_t)(off + 7 * i);
	for (uint32_t s = W.c.nr_out; s < W.c.nr_out + W.c.nr_in; s++) {
		for (uint64_t k = 0; k < W.c.seg[s].len && pos < (uint64_t)off + len; k++, pos++)
			if (pos >= off) {
				W.want[W.c.seg[s].gpa + k] = buf[pos - off];
				want++;
			}
	}
	FUZZ_ORACLE(virtq_write(&W.q, &W.c, off, buf, len) == (int64_t)want, "write-count",
		    "want %llu", (unsigned long long)want);
	if (want)
		depth_hit(bytes_stored);
}

static void op_push(struct in *in)
{
	struct model *m = &W.m;
	uint8_t which = u8(in);
	struct virtq_chain c = {0};
	struct list l;
	uint8_t *d;
	uint16_t flags;

	if (!m->nr)
		return;
	which %= m->nr;
	l = m->list[which];
	c.head = l.head;
	c.id = l.id;
	c.slots = l.slots;
	c.written = W.have && W.c.head == l.head ? W.c.written : 0;
	if (W.have && W.c.head == l.head)
		W.have = false;
	FUZZ_ORACLE(virtq_push(&W.q, &c) == 0, "push", "refused");
	memmove(&m->list[which], &m->list[which + 1], (m->nr - which - 1) * sizeof(l));
	m->nr--;
	/* 2.8.4, and what the model leaves of the descriptor that was there: its address. */
	d = W.want + RING + 16 * (m->used % m->num);
	flags = wrap_of(m->used) ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
	st_le32(d + 8, c.written);
	st_le16(d + 12, l.id);
	st_le16(d + 14, (uint16_t)(flags | (c.written ? VIRTQ_DESC_F_WRITE : 0)));
	if (m->used / m->num != (m->used + l.slots) / m->num)
		depth_hit(round_ended);
	m->used += l.slots;
	if (which)
		depth_hit(pushed_out_of_order);
	depth_hit(pushed);
}

static void op_event(struct in *in)
{
	uint8_t off = u8(in), flags = u8(in), b[4];

	/* An offset beyond the ring has no meaning: see model_interrupt(). */
	st_le16(b, (uint16_t)((off & 0x7f) % W.m.num | (off & 0x80) << 8));
	st_le16(b + 2, flags);
	poke(DRIVER, b, sizeof(b));
}

static void op_interrupt(void)
{
	bool any = W.m.asked != W.m.used, want = model_interrupt();
	bool by_event = W.m.event_idx && (ld_le16(W.want + DRIVER + 2) & 3) == VIRTQ_EVENT_DESC;

	FUZZ_ORACLE(virtq_needs_interrupt(&W.q) == want, "interrupt", "the model has %d", want);
	if (any && by_event && want)
		depth_hit(event_wanted);
	else if (any && by_event)
		depth_hit(event_not);
	else if (want)
		depth_hit(interrupt_wanted);
	else if (any)
		depth_hit(interrupt_not);
}

static void op_kicks(bool want)
{
	struct model *m = &W.m;
	uint16_t flags = VIRTQ_EVENT_DISABLE;

	if (want)
		flags = m->event_idx ? VIRTQ_EVENT_DESC : VIRTQ_EVENT_ENABLE;
	else
		depth_hit(kicks_off);
	m->kicks_off = !want;
	virtq_want_kicks(&W.q, want);
	st_le16(W.want + DEVICE, (uint16_t)(m->at % m->num | (wrap_of(m->at) ? 0x8000 : 0)));
	st_le16(W.want + DEVICE + 2, flags);
}

/* Saved, forgotten, loaded: it goes on as if nothing had been. */
static void op_save(void)
{
	struct buf b = {0};
	struct err err = {0};
	size_t used;
	uint32_t budget = W.q.budget;

	if (state_save(&virtq_state, &W.q, &b))
		return;
	virtq_reset(&W.q);
	FUZZ_ORACLE(!state_load(&virtq_state, &W.q, b.p, b.len, &used, &err) && used == b.len &&
			    !virtq_post_load(&W.q, &err),
		    "load", "%s", err.msg);
	W.q.budget = budget;
	W.have = false;
	buf_free(&b);
	depth_hit(saved);
}

static bool start(struct in *in)
{
	struct model *m = &W.m;
	uint8_t what = u8(in), num = u8(in);

	memset(m, 0, offsetof(struct model, list));
	W.have = W.deep = false;
	virtq_reset(&W.q);
	m->num = num % (NUM_MAX + 2);
	m->event_idx = what & 1;
	m->indirect = what & 2;
	m->budget = m->num;
	W.q.num = m->num;
	W.q.packed = true;
	W.q.event_idx = m->event_idx;
	W.q.indirect = m->indirect;
	W.q.desc = RING;
	W.q.avail = DRIVER;
	W.q.used = DEVICE;
	if (virtq_enable(&W.q, NULL)) {
		FUZZ_ORACLE(!m->num || m->num > NUM_MAX, "enable", "size %u was refused", m->num);
		depth_hit(size_refused);
		return false;
	}
	FUZZ_ORACLE(m->num && m->num <= NUM_MAX, "enable", "size %u was taken", m->num);
	virtq_kick_begin(&W.q);
	return true;
}

static void set_up(void)
{
	if (W.mem)
		return;
	if (gmem_new(&W.mem, NULL) || gmem_add(W.mem, 0, RAM, GMEM_RAM, NULL) ||
	    virtq_init(&W.q, W.mem, NULL, 0, NUM_MAX, NULL) || gmem_snap(W.mem, &W.snap, NULL))
		abort();
	W.ram = gmem_ro(W.mem, 0, RAM);
}

static void differs(unsigned from, unsigned to)
{
	for (unsigned at = from; at < to; at++)
		FUZZ_ORACLE(W.ram[at] == W.want[at], "memory", "%#x is %#x, the model has %#x", at,
			    W.ram[at], W.want[at]);
}

/* A page that was written: as the model has it? Then the model's is zero again. */
static void check_page(void *ctx, uint64_t gpa)
{
	(void)ctx;
	if (!fuzz_page_take(W.ram + gpa, W.want + gpa))
		differs((unsigned)gpa, (unsigned)(gpa + GMEM_PAGE));
}

static void finish(bool dear)
{
	/* What nobody is known to have written is looked at too where checks are dear. */
	if (dear)
		differs(0, RAM);
	gmem_dirty_each(W.mem, check_page, NULL);
	FUZZ_ORACLE(!gmem_restore(W.mem, W.snap), "gmem", "memory can't be put back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in in = {data, data + size};
	bool dear = fuzz_dear(data, size);
	unsigned ops = 0;

	set_up();
	if (!start(&in))
		return 0;
	for (; ops < OPS && in.p < in.end; ops++) {
		switch (u8(&in) % 12) {
		case 0:
		case 1:
			op_desc(&in);
			break;
		case 2:
		case 3:
			op_list(&in);
			break;
		case 4:
			virtq_kick_begin(&W.q);
			W.m.budget = W.m.num;
			op_next();
			break;
		case 5:
			op_next();
			break;
		case 6:
			op_write(&in);
			break;
		case 7:
			op_push(&in);
			break;
		case 8:
			op_event(&in);
			break;
		case 9:
			op_interrupt();
			break;
		case 10:
			op_kicks(u8(&in) & 1);
			break;
		default:
			if (dear)
				op_save();
			break;
		}
		FUZZ_ORACLE(W.q.in_flight == W.m.nr && W.q.popped - W.q.pushed == W.m.nr,
			    "in-flight", "%u, the model has %u", W.q.in_flight, W.m.nr);
	}
	finish(dear);
	fuzz_case(ops, W.deep);
	return 0;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
