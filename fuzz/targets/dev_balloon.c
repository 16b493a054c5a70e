/* SPDX-License-Identifier: MIT */
/*
 * dev_balloon: virtio-balloon through its queues, by the frame of fuzz/engine/dev_queue.h.
 * @modules dev
 *
 * Oracles beside the frame's: only pages that the driver gave away, hinted or reported become something
 * else, and that is zero or its poison value; pages of a list that came back are zero; statistics are
 * kept, one buffer at a time.
 */
#define DEV_QUEUE_CLASS dev_class_virtio_balloon
#define DEV_QUEUE_DEPTH                                                                            \
	inflated, page_gone, no_ram, deflated, stats_kept, stats_back, hinted, reported, poisoned, \
		command_seen, config_event
#include <dev_queue.h>

#include <vmm/virtio_host.h>

enum { Q_INFLATE, Q_DEFLATE, Q_STATS, Q_HINT, Q_REPORT };
enum { C_CMD = 8, C_POISON = 12 };
#define PAGE  4096u
#define PAGES (DQ_RAM / PAGE)
#define LIST  64u

static uint32_t poison_val; /* before this call */
static uint32_t given;	    /* a bit a page: it is in a list of this call */

static void begin(void)
{
	given = 0;
}

static uint32_t config(uint32_t off)
{
	return (uint32_t)W.t->config(W.v, false, off, 4, 0);
}

static void request(unsigned queue)
{
	uint8_t n = dq_u8(), b[LIST * 4];
	uint32_t len = 0;

	switch (queue) {
	case Q_INFLATE:
	case Q_DEFLATE:
		/* Not the page of the rings, unless the input says so. */
		for (unsigned i = 0; i <= (n & 7); i++, len += 4) {
			uint8_t p = dq_u8();

			st_le32(b + len, p < 0xe0   ? 1u + p % 3
					 : p < 0xf0 ? p & 7u
						    : UINT32_MAX - p);
		}
		dq_out(b, len - (n >> 6));
		break;
	case Q_STATS:
		for (unsigned i = 0; i <= (n & 3); i++, len += 10) {
			st_le16(b + len, dq_u8());
			st_le64(b + len + 2, dq_value(8));
		}
		dq_out(b, len - (n >> 6));
		break;
	case Q_HINT:
		if (n & 1) {
			st_le32(b, n & 2 ? (uint32_t)n >> 2 : config(C_CMD));
			dq_out(b, 4);
			break;
		}
		/* fall through */
	default:
		/* Page 2 or 3, from its start or not, and over its end or not. */
		dq_in_at(0x2000u + (n & 1) * PAGE - (n >> 3 & 7), (n >> 1 & 1) + PAGE);
		break;
	}
}

static void event(uint8_t b)
{
	switch (b & 3) {
	case 0:
		FUZZ_ORACLE(!balloon_set_target(&W.v->dev, 5), "target", "5 pages are refused");
		depth_hit(config_event);
		break;
	case 1:
		balloon_ask_stats(&W.v->dev);
		break;
	default:
		balloon_ask_hints(&W.v->dev);
		break;
	}
}

static void popped(struct dq_chain *c)
{
	uint64_t n;
	uint8_t pfn[4];

	c->note[0] = 0;
	if (c->queue != Q_INFLATE)
		return;
	n = c->out_bytes / 4 < PAGE ? c->out_bytes / 4 : PAGE;
	for (uint64_t i = 0; i < n; i++) {
		dq_read(c, 4 * i, pfn, 4);
		if (ld_le32(pfn) < PAGES)
			c->note[0] |= 1ull << ld_le32(pfn);
		else
			depth_hit(no_ram);
	}
	given |= (uint32_t)c->note[0];
	/* A page that is given away may lie in what another chain has been stored to, or this one. */
	c->shared |= c->in_bytes != 0;
	for (unsigned k = 0; k < W.v->nr_queues && c->note[0]; k++)
		for (unsigned m = W.q[k].flying; m; m &= m - 1)
			if (&W.q[k].chain[__builtin_ctz(m)] != c)
				W.q[k].chain[__builtin_ctz(m)].shared = true;
}

/* Given away: whole pages. The page of the rings takes what is known of them with it. */
static bool may_write(uint64_t gpa, uint64_t len)
{
	if (gpa % PAGE || len % PAGE)
		return false;
	for (uint64_t at = gpa; at < gpa + len; at += PAGE)
		if (!(given >> (at / PAGE) & 1) && !W.changes)
			return false;
	if (gpa < PAGE)
		W.unsure = W.astray = true;
	depth_hit(page_gone);
	return true;
}

static void check_zero(uint64_t gpa, uint32_t pattern)
{
	uint8_t want[PAGE];

	for (unsigned i = 0; i < PAGE; i += 4)
		st_le32(want + i, pattern);
	FUZZ_ORACLE(!memcmp(W.ram + gpa, want, PAGE), "page", "page %#llx is not all %#x",
		    (unsigned long long)gpa, pattern);
}

static void used_list(const struct dq_chain *c)
{
	if (c->queue == Q_DEFLATE)
		depth_hit(deflated);
	else
		depth_hit(inflated);
	/* A list in a page of its own is gone when the rest of it is read. */
	for (unsigned i = 1; i < PAGES && dq_at_once(c) && !W.changes; i++)
		if (c->note[0] >> i & 1)
			check_zero(i * PAGE, 0);
}

static void used_free(const struct dq_chain *c, uint32_t len)
{
	uint32_t poison = virtio_has(W.v, 4) ? poison_val : 0;

	for (uint32_t i = c->nr_out; i < c->nr_out + c->nr_in; i++) {
		uint64_t from = align_up(c->seg[i].gpa, PAGE), to = c->seg[i].gpa + c->seg[i].len;

		for (; len && from + PAGE <= to && dq_at_once(c) && !W.changes; from += PAGE)
			check_zero(from, poison);
	}
	if (!len)
		return;
	if (poison)
		depth_hit(poisoned);
	if (c->queue == Q_HINT)
		depth_hit(hinted);
	else
		depth_hit(reported);
}

static void used(const struct dq_chain *c, uint32_t len)
{
	switch (c->queue) {
	case Q_HINT:
		if (c->out_bytes >= 4)
			depth_hit(command_seen);
		used_free(c, len);
		break;
	case Q_REPORT:
		used_free(c, len);
		break;
	case Q_STATS:
		FUZZ_ORACLE(!len, "stats-length", "%u bytes are stored", len);
		depth_hit(stats_back);
		break;
	default:
		FUZZ_ORACLE(!len, "list-length", "%u bytes are stored", len);
		used_list(c);
		break;
	}
}

static void check(void)
{
	FUZZ_ORACLE(W.v->q[Q_STATS].in_flight <= 1u + W.v->nr_late, "stats-kept",
		    "%u buffers of statistics are kept", W.v->q[Q_STATS].in_flight);
	if (W.v->q[Q_STATS].in_flight)
		depth_hit(stats_kept);
	given = 0;
	poison_val = config(C_POISON);
}

static const char *const variants[] = {
	"virtio-balloon,target=5", "virtio-balloon,target=5,delay=3000",
	"virtio-balloon,target=5,stats=5000", "virtio-balloon,target=5,start=700,delay=300", NULL};
static const struct dq_spec spec = {.variants = variants,
				    .holds = 1u << Q_STATS,
				    .begin = begin,
				    .request = request,
				    .event = event,
				    .popped = popped,
				    .used = used,
				    .may_write = may_write,
				    .check = check};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
