/* SPDX-License-Identifier: MIT */
/*
 * virtio-balloon: the traditional memory balloon, virtio 1.2 section 5.5: pages that the guest gives
 * away really go back to the host, and read as zero when it takes them again; statistics; hints of
 * free pages and reports of them.
 *
 * Queues have their numbers from 5.5.2, whatever was negotiated. What a driver must not do:
 * - a page that is not RAM, a list that is no whole number of entries, over PFNS_MAX entries in a
 *   chain: that, and what is beyond the bound, is left alone, with a guest error;
 * - a queue whose feature was not negotiated: its chains come back untouched, with a guest error;
 * - a second buffer of statistics while the device keeps one: the first comes back at once (5.5.6.3);
 * - hints under a command that is not the device's: left alone (5.5.6.6).
 * Pages that are hinted or reported become zero, or the driver's poison value where it has one
 * (5.5.6.6.2, 5.5.6.7.2); only whole pages, RANGE_MAX bytes a chain.
 */
#include <errno.h>

#include <vmm/virtio.h>
#include <vmm/virtio_host.h>

#define BALLOON_DEVICE_ID 5u /* section 5 */
#define BALLOON_QUEUE_MAX 128u
#define BALLOON_BASE	  0xd0000000u
#define BALLOON_IRQ	  5u
#define PFN_SHIFT	  12 /* 5.5.6: of 4096 bytes whatever the guest's page size */
#define PAGE		  (1u << PFN_SHIFT)
#define PFNS_MAX	  4096u		 /* entries of a chain */
#define RANGE_MAX	  (256ull << 20) /* bytes that a chain hints or reports */
#define PIECE		  256u		 /* entries that are read at once */
#define STAT_LEN	  10u		 /* struct virtio_balloon_stat, 5.5.6.3 */
#define STATS_MAX	  64u		 /* entries that are looked at */

/* Feature bits, 5.5.3 */
enum {
	F_STATS_VQ = 1,
	F_DEFLATE_ON_OOM = 2,
	F_FREE_PAGE_HINT = 3,
	F_PAGE_POISON = 4,
	F_PAGE_REPORTING = 5,
};
#define BIT(n) (1ull << (n))

enum queue { Q_INFLATE, Q_DEFLATE, Q_STATS, Q_HINT, Q_REPORT, NR_QUEUES };

/* struct virtio_balloon_config, 5.5.4 */
enum config {
	C_NUM_PAGES = 0,
	C_ACTUAL = 4,
	C_HINT_CMD = 8,
	C_POISON = 12,
	CONFIG_LEN = 16,
};
/* 5.5.6.6: the device's free_page_hint_cmd_id */
#define CMD_STOP  0u
#define CMD_DONE  1u
#define CMD_FIRST 2u

struct virtio_balloon {
	struct virtio v;
	uint64_t option_target, target_at, hint_at, stats_every; /* options */
	uint32_t target, actual, poison;
	uint32_t hint_cmd, driver_cmd;
	uint64_t inflated, deflated, freed; /* pages, since reset; freed: hinted or reported */
	/* The buffer of statistics that the device keeps, and when it goes back; 0: never. */
	bool held;
	bool held_open; /* it has room for answers, which stays empty: with IN_ORDER that matters */
	uint16_t held_head, held_id, held_slots, held_seq;
	uint64_t stats_due;
	uint16_t stats_valid;
	uint64_t stats[BALLOON_STATS];
	struct clock_timer timer;
};

static struct virtio_balloon *balloon_of(struct dev *d)
{
	return container_of(d, struct virtio_balloon, v.dev);
}

/* ---- pages --------------------------------------------------------------------------------------- */

/* Neighbours, going up or down, are one piece. */
struct run {
	uint64_t first, n; /* pages */
};

static void drop(struct virtio_balloon *b, struct run *r)
{
	struct gmem *mem = b->v.dev.env.mem;

	if (r->n && gmem_discard(mem, r->first << PFN_SHIFT, r->n << PFN_SHIFT)) {
		/* Not all of it is RAM: page by page. */
		for (uint64_t i = 0; i < r->n; i++)
			if (gmem_discard(mem, (r->first + i) << PFN_SHIFT, PAGE))
				dev_guest_error(&b->v.dev, "virtio-balloon: a page that is no RAM",
						r->first + i, 0);
	}
	r->n = 0;
}

static void add(struct virtio_balloon *b, struct run *r, uint64_t pfn)
{
	if (r->n && pfn == r->first + r->n) {
		r->n++;
	} else if (r->n && pfn + 1 == r->first) {
		r->first = pfn;
		r->n++;
	} else {
		drop(b, r);
		*r = (struct run){pfn, 1};
	}
}

/* 5.5.6: a list of page numbers, given away or taken back. */
static void on_pages(struct virtio_balloon *b, unsigned queue, const struct virtq_chain *c)
{
	uint64_t entries = c->out_bytes / 4;
	struct run run = {0};
	uint8_t list[PIECE * 4];

	if (c->out_bytes % 4 || entries > PFNS_MAX)
		dev_guest_error(&b->v.dev, "virtio-balloon: a list of pages of no good length",
				c->out_bytes, PFNS_MAX);
	if (entries > PFNS_MAX)
		entries = PFNS_MAX;
	for (uint64_t i = 0; i < entries;) {
		uint64_t n = entries - i < PIECE ? entries - i : PIECE;

		if (virtq_read(&b->v.q[queue], c, i * 4, list, n * 4) != (int64_t)(n * 4))
			break;
		for (uint64_t k = 0; queue == Q_INFLATE && k < n; k++)
			add(b, &run, ld_le32(&list[k * 4]));
		i += n;
		if (queue == Q_INFLATE)
			b->inflated += n;
		else
			b->deflated += n;
	}
	drop(b, &run);
}

/* A page gets the driver's pattern; (gpa) is in RAM. */
static void poison(struct virtio_balloon *b, uint64_t gpa, uint64_t len)
{
	uint8_t page[PAGE];

	for (unsigned i = 0; i < PAGE; i += 4)
		st_le32(&page[i], b->poison);
	for (uint64_t off = 0; off < len; off += PAGE)
		(void)gmem_write(b->v.dev.env.mem, gpa + off, page, PAGE);
}

/* The whole pages in a chain's writable part are free. used.len is what became of it without a gap. */
static void free_pages(struct virtio_balloon *b, struct virtq_chain *c)
{
	uint64_t left = RANGE_MAX;
	bool gap = false;

	for (uint32_t i = c->nr_out; i < c->nr_out + c->nr_in; i++) {
		uint64_t gpa = align_up(c->seg[i].gpa, PAGE);
		uint64_t skip = gpa - c->seg[i].gpa, len = 0;

		if (!c->seg[i].len)
			continue;
		if (skip < c->seg[i].len)
			len = align_down(c->seg[i].len - skip, PAGE);
		if (len > left) {
			dev_guest_error(&b->v.dev,
					"virtio-balloon: more free pages than a chain has",
					c->in_bytes, RANGE_MAX);
			return;
		}
		left -= len;
		b->freed += len >> PFN_SHIFT;
		if (virtio_has(&b->v, F_PAGE_POISON) && b->poison)
			poison(b, gpa, len);
		else if (len)
			(void)gmem_discard(b->v.dev.env.mem, gpa, len);
		gap |= skip != 0;
		if (!gap)
			c->written += (uint32_t)len;
		gap |= skip + len != c->seg[i].len;
	}
}

/* ---- statistics, 5.5.6.3 ------------------------------------------------------------------------- */

static void arm(struct virtio_balloon *b)
{
	uint64_t now, first = CLOCK_NEVER;

	if (!b->v.dev.env.clock)
		return;
	now = clock_now(b->v.dev.env.clock);
	if (b->stats_due)
		first = b->stats_due;
	if (b->target_at > now && b->target_at < first)
		first = b->target_at;
	if (b->hint_at > now && b->hint_at < first)
		first = b->hint_at;
	if (b->timer.deadline != first)
		clock_arm(b->v.dev.env.clock, &b->timer, first);
}

static void read_stats(struct virtio_balloon *b, const struct virtq_chain *c)
{
	uint8_t s[STATS_MAX * STAT_LEN];
	int64_t n = virtq_read(&b->v.q[Q_STATS], c, 0, s, sizeof(s));

	if (c->out_bytes % STAT_LEN || c->out_bytes > sizeof(s))
		dev_guest_error(&b->v.dev, "virtio-balloon: statistics of no good length",
				c->out_bytes, sizeof(s));
	for (int64_t i = 0; i + STAT_LEN <= n; i += STAT_LEN) {
		unsigned tag = ld_le16(&s[i]);

		/* 5.5.6.3.1: a tag that is not known is passed over. */
		if (tag >= BALLOON_STATS)
			continue;
		b->stats[tag] = ld_le64(&s[i + 2]);
		b->stats_valid |= (uint16_t)BIT(tag);
	}
}

static void forget_stats(struct virtio_balloon *b)
{
	b->held = false;
	b->held_head = 0;
	b->held_id = 0;
	b->held_slots = 0;
	b->held_seq = 0;
	b->held_open = false;
	b->stats_due = 0;
}

static struct virtq_chain held_chain(const struct virtio_balloon *b)
{
	return (struct virtq_chain){.head = b->held_head,
				    .id = b->held_id,
				    .slots = b->held_slots,
				    .seq = b->held_seq,
				    .in_bytes = b->held_open};
}

/* The driver gets the buffer back, which asks for new figures. */
static bool give_back(struct virtio_balloon *b)
{
	struct virtq_chain c = held_chain(b);

	if (!b->held)
		return false;
	forget_stats(b);
	return !virtq_push(&b->v.q[Q_STATS], &c);
}

static void ask_stats(struct virtio_balloon *b)
{
	if (b->v.stopped || (b->v.status & VIRTIO_S_NEEDS_RESET))
		return;
	if (give_back(b))
		virtio_signal(&b->v, Q_STATS);
	else if (b->v.q[Q_STATS].broken)
		virtio_broken(&b->v, virtq_error_name(b->v.q[Q_STATS].broken));
}

static void keep_stats(struct virtio_balloon *b, const struct virtq_chain *c)
{
	read_stats(b, c);
	b->held = true;
	b->held_head = c->head;
	b->held_id = c->id;
	b->held_slots = c->slots;
	b->held_seq = c->seq;
	b->held_open = c->in_bytes != 0;
	if (b->stats_every && b->v.dev.env.clock)
		b->stats_due = clock_now(b->v.dev.env.clock) + b->stats_every;
}

/* ---- hints, 5.5.6.6 ------------------------------------------------------------------------------ */

static void set_command(struct virtio_balloon *b, uint32_t cmd)
{
	b->hint_cmd = cmd;
	virtio_config_changed(&b->v);
}

static void on_hint(struct virtio_balloon *b, struct virtq_chain *c)
{
	uint8_t id[4];

	if (c->out_bytes) {
		if (virtq_read(&b->v.q[Q_HINT], c, 0, id, sizeof(id)) != sizeof(id)) {
			dev_guest_error(&b->v.dev, "virtio-balloon: a command that is too short",
					c->out_bytes, 0);
			return;
		}
		b->driver_cmd = ld_le32(id);
		/* The driver is done: it may use the pages again. */
		if (b->driver_cmd == CMD_STOP && b->hint_cmd >= CMD_FIRST)
			set_command(b, CMD_DONE);
	}
	if (!c->in_bytes)
		return;
	if (b->hint_cmd < CMD_FIRST || b->driver_cmd != b->hint_cmd)
		dev_guest_error(&b->v.dev, "virtio-balloon: hints that were not asked for",
				b->driver_cmd, b->hint_cmd);
	else
		free_pages(b, c);
}

/* ---- queues -------------------------------------------------------------------------------------- */

/* True: the chain stays with the device. */
static bool serve(struct virtio_balloon *b, unsigned queue, struct virtq_chain *c)
{
	static const uint8_t needs[NR_QUEUES] = {
		[Q_STATS] = F_STATS_VQ, [Q_HINT] = F_FREE_PAGE_HINT, [Q_REPORT] = F_PAGE_REPORTING};

	/* They go back in order. */
	if (queue == Q_STATS && b->held) {
		dev_guest_error(&b->v.dev, "virtio-balloon: a second buffer of statistics", c->head,
				b->held_head);
		(void)give_back(b);
	}
	if (c->error || (needs[queue] && !virtio_has(&b->v, needs[queue]))) {
		dev_guest_error(&b->v.dev,
				"virtio-balloon: a malformed chain, or a queue without its feature",
				queue, c->error);
		return false;
	}
	switch ((enum queue)queue) {
	case Q_STATS:
		keep_stats(b, c);
		return true;
	case Q_HINT:
		on_hint(b, c);
		return false;
	case Q_REPORT:
		free_pages(b, c);
		return false;
	default:
		on_pages(b, queue, c);
		return false;
	}
}

/*
 * A driver that rang for its first statistics before DRIVER_OK, as Linux does, was not heard (3.1.2) and
 * does not ring again: the device looks when it has something to do anyhow.
 */
static void look_for_stats(struct virtio_balloon *b)
{
	struct virtio *v = &b->v;
	struct virtq *q = &v->q[Q_STATS];
	struct virtq_chain c;

	if (b->held || !q->ready || !virtio_has(v, F_STATS_VQ) || v->stopped ||
	    !(v->status & VIRTIO_S_DRIVER_OK) || (v->status & VIRTIO_S_NEEDS_RESET))
		return;
	virtq_kick_begin(q);
	while (!b->held && virtq_next(q, &c) == 1)
		if (!serve(b, Q_STATS, &c) && virtio_complete(v, Q_STATS, &c))
			break;
	if (q->broken)
		virtio_broken(v, virtq_error_name(q->broken));
	else
		virtio_signal(v, Q_STATS);
}

static void balloon_notify(struct virtio *v, unsigned queue)
{
	struct virtio_balloon *b = balloon_of(&v->dev);
	struct virtq_chain c;

	while (virtq_next(&v->q[queue], &c) == 1)
		if (!serve(b, queue, &c) && virtio_complete(v, queue, &c))
			break;
	if (queue != Q_STATS)
		look_for_stats(b);
	arm(b);
}

static void balloon_queue_reset(struct virtio *v, unsigned queue)
{
	struct virtio_balloon *b = balloon_of(&v->dev);

	if (queue != Q_STATS)
		return;
	forget_stats(b);
	arm(b);
}

static void balloon_due(void *ctx, uint64_t now)
{
	struct virtio_balloon *b = ctx;

	if (b->stats_due && b->stats_due <= now) {
		/* Another time, where the device may not touch RAM now. */
		b->stats_due = now + b->stats_every;
		ask_stats(b);
	}
	if (b->target_at && b->target_at == now)
		(void)balloon_set_target(&b->v.dev, b->option_target);
	if (b->hint_at && b->hint_at == now)
		balloon_ask_hints(&b->v.dev);
	arm(b);
}

/* ---- the host's side ----------------------------------------------------------------------------- */

int balloon_set_target(struct dev *d, uint64_t pages)
{
	struct virtio_balloon *b = balloon_of(d);

	if (pages > UINT32_MAX)
		return -EINVAL;
	b->target = (uint32_t)pages;
	virtio_config_changed(&b->v);
	return 0;
}

uint64_t balloon_pages(const struct dev *d)
{
	return container_of(d, const struct virtio_balloon, v.dev)->actual;
}

bool balloon_stat(const struct dev *d, unsigned tag, uint64_t *val)
{
	const struct virtio_balloon *b = container_of(d, const struct virtio_balloon, v.dev);

	if (tag >= BALLOON_STATS || !(b->stats_valid >> tag & 1))
		return false;
	*val = b->stats[tag];
	return true;
}

void balloon_ask_stats(struct dev *d)
{
	struct virtio_balloon *b = balloon_of(d);

	look_for_stats(b);
	ask_stats(b);
	arm(b);
}

void balloon_ask_hints(struct dev *d)
{
	struct virtio_balloon *b = balloon_of(d);

	/* 5.5.6.6: each round has another number. */
	set_command(b, b->driver_cmd >= CMD_FIRST && b->driver_cmd < UINT32_MAX ? b->driver_cmd + 1
										: CMD_FIRST);
}

/* ---- configuration, 5.5.4 ------------------------------------------------------------------------ */

static void balloon_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	const struct virtio_balloon *b = balloon_of(&v->dev);
	uint8_t c[CONFIG_LEN];

	st_le32(&c[C_NUM_PAGES], b->target);
	st_le32(&c[C_ACTUAL], b->actual);
	st_le32(&c[C_HINT_CMD], b->hint_cmd);
	st_le32(&c[C_POISON], b->poison);
	memcpy(buf, &c[off], len);
}

/* actual and poison_val are the driver's to write, whole. */
static void balloon_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	struct virtio_balloon *b = balloon_of(&v->dev);

	if (off == C_ACTUAL && len == 4)
		b->actual = ld_le32(buf);
	else if (off == C_POISON && len == 4 && virtio_has(v, F_PAGE_POISON))
		b->poison = ld_le32(buf);
	else
		dev_guest_error(&v->dev,
				"virtio-balloon: write of a field that is not the driver's", off,
				len);
}

/* ---- the class ----------------------------------------------------------------------------------- */

static int balloon_post_load(struct dev *d, struct err *err)
{
	struct virtio_balloon *b = balloon_of(d);
	const struct virtq *q = &b->v.q[Q_STATS];
	struct virtq_chain c = held_chain(b);
	int rc = virtio_post_load(d, err);

	if (rc)
		return rc;
	if (b->held ? !virtq_is_out(q, &c)
		    : b->held_head || b->held_id || b->held_slots || b->held_seq || b->held_open ||
			      b->stats_due)
		return err_set(err, -EINVAL,
			       "virtio-balloon: the saved buffer of statistics is not in flight");
	arm(b);
	return 0;
}

static void balloon_reset(struct dev *d)
{
	virtio_reset(d);
	arm(balloon_of(d));
}

static void balloon_fini(struct dev *d)
{
	struct virtio_balloon *b = balloon_of(d);

	if (b->v.vc && d->env.clock)
		clock_cancel(d->env.clock, &b->timer);
	virtio_fini(d);
}

static const struct virtio_class balloon_class = {
	.device_id = BALLOON_DEVICE_ID,
	.features = BIT(F_STATS_VQ) | BIT(F_DEFLATE_ON_OOM) | BIT(F_FREE_PAGE_HINT) |
		    BIT(F_PAGE_POISON) | BIT(F_PAGE_REPORTING),
	.nr_queues = NR_QUEUES,
	.queue_max = BALLOON_QUEUE_MAX,
	.config_len = CONFIG_LEN,
	.notify = balloon_notify,
	.queue_reset = balloon_queue_reset,
	.config_read = balloon_config_read,
	.config_write = balloon_config_write,
};

static int balloon_init(struct dev *d, struct err *err)
{
	struct virtio_balloon *b = balloon_of(d);
	int rc;

	b->target = b->target_at ? 0 : (uint32_t)b->option_target;
	clock_timer_init(&b->timer, balloon_due, b);
	rc = virtio_init(d, &balloon_class, err);
	if (!rc)
		balloon_reset(d);
	return rc;
}

static const struct dev_range balloon_ranges[] = {
	{"registers", BUS_MMIO, BALLOON_BASE, VIRTIO_MMIO_LEN},
	{0},
};

#define OPT(name, help, member, max)                                                               \
	{                                                                                          \
		name, help, offsetof(struct virtio_balloon, member), 0, 0, max                     \
	}
static const struct dev_opt balloon_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), BALLOON_IRQ, 0, IOAPIC_PINS - 1},
	OPT("target", "pages of 4 KiB that the balloon should hold", option_target, UINT32_MAX),
	OPT("target_at", "virtual time (ns) from which it should; 0: from the start", target_at,
	    INT64_MAX),
	OPT("hint_at", "virtual time (ns) at which hints of free pages are asked for; 0: never",
	    hint_at, INT64_MAX),
	OPT("stats", "virtual ns between two requests for statistics; 0: none", stats_every,
	    INT64_MAX),
	VIRTIO_OPTS,
	{0},
};

static const struct state_field balloon_state[] = {
	VIRTIO_STATE_FIELDS,
	{"target", STATE_UINT, offsetof(struct virtio_balloon, target), sizeof(uint32_t), 1, 0,
	 STATE_F_NORESET},
	STATE_U(struct virtio_balloon, actual, 0),
	STATE_U(struct virtio_balloon, poison, 0),
	STATE_U(struct virtio_balloon, hint_cmd, 0),
	STATE_U(struct virtio_balloon, driver_cmd, 0),
	STATE_U(struct virtio_balloon, inflated, 0),
	STATE_U(struct virtio_balloon, deflated, 0),
	STATE_U(struct virtio_balloon, freed, 0),
	STATE_B(struct virtio_balloon, held, 0),
	STATE_U(struct virtio_balloon, held_head, 0),
	STATE_U(struct virtio_balloon, held_id, 0),
	STATE_U(struct virtio_balloon, held_slots, 0),
	STATE_U(struct virtio_balloon, held_seq, 0),
	STATE_B(struct virtio_balloon, held_open, 0),
	STATE_U(struct virtio_balloon, stats_due, 0),
	STATE_U(struct virtio_balloon, stats_valid, 0),
	STATE_ARR(struct virtio_balloon, stats, 0),
	STATE_END,
};

const struct dev_class dev_class_virtio_balloon = {
	.name = "virtio-balloon",
	.help = "virtio memory balloon over virtio-mmio: statistics, hints, reports of free pages",
	.size = sizeof(struct virtio_balloon),
	.version = 1,
	.ranges = balloon_ranges,
	.opts = balloon_opts,
	.state = balloon_state,
	.init = balloon_init,
	.reset = balloon_reset,
	.regs = virtio_mmio_regs,
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
	.part = virtio_part,
	.post_load = balloon_post_load,
	.fini = balloon_fini,
};
