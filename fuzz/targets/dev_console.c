/* SPDX-License-Identifier: MIT */
/*
 * dev_console: virtio-console through its queues, by the frame of fuzz/engine/dev_queue.h.
 * @modules dev
 *
 * Oracles beside the frame's: what a port sends comes out at its back end, byte for byte, and nothing
 * else does; what a port receives is its input, in order, without a gap; a control message is one that
 * section 5.3.6.2 has, of a port that the driver was told of, after what has to be before it.
 */
#define DEV_QUEUE_CLASS dev_class_virtio_console
#define DEV_QUEUE_DEPTH                                                                            \
	sent, received, second_port, port_added, port_removed, port_named, console_told, resized,  \
		port_opened, port_closed, emergency, port_ready, closed_port_waits
#include <dev_queue.h>

#include <vmm/virtio_host.h>

#define PORTS	  3u
#define VARIANTS  5u
#define TEXT	  4096u /* of input that is there at the start of port 0 */
#define TX_MAX	  (1u << 20)
#define MULTIPORT 1 /* 5.3.3 */
enum { READY, ADD, REMOVE, PORT_READY, CONSOLE, RESIZE, OPEN, NAME };
enum { C_RX = 2, C_TX = 3 };
#define M_LEN 8u

static struct chr chrs[VARIANTS][PORTS], *list[VARIANTS][PORTS];
static uint8_t text[TEXT];

/* What the model of a port knows. */
static struct port {
	uint64_t fed;	    /* that came in after the text */
	uint64_t out, sent; /* hashes of what came out, and of what was sent */
	uint64_t nr_out, nr_sent;
	bool told, ready;
} ports[PORTS];
static bool blurred; /* what the device read may not be what was there */

static uint8_t pattern(unsigned port, uint64_t at)
{
	return (uint8_t)(at * 7 + at / 256 + port);
}

/* A hash that does not see in how many pieces the bytes come. */
static uint64_t add_bytes(uint64_t h, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

static void heard(void *ctx, const void *p, size_t len)
{
	struct port *q = &ports[(unsigned)(uintptr_t)ctx];

	q->out = add_bytes(q->out, p, len);
	q->nr_out += len;
}

static void env(struct dev_env *e, unsigned variant)
{
	/* A device that is made again to be compared with has none of its own. */
	bool first = !list[variant][0];

	for (unsigned i = 0; i < PORTS && first; i++) {
		struct chr *c = &chrs[variant][i];

		chr_init(c, i ? NULL : text, i ? 0 : TEXT);
		c->tee = heard;
		c->tee_ctx = (void *)(uintptr_t)i;
		list[variant][i] = c;
	}
	e->chr = list[variant];
	e->nr_chrs = PORTS;
	for (unsigned i = 0; i < TEXT; i++)
		text[i] = pattern(0, i);
}

static void begin(void)
{
	for (unsigned i = 0; i < PORTS; i++) {
		struct chr *c = &chrs[W.variant][i];

		c->in_pos = c->fed_at = c->fed_len = 0;
		c->out.len = 0;
		c->hung_up = false;
	}
	memset(ports, 0, sizeof(ports));
	blurred = false;
}

static unsigned port_of(unsigned queue)
{
	return queue < 2 ? 0 : (queue - 2) / 2;
}

static void request(unsigned queue)
{
	uint8_t m[M_LEN], a = dq_u8();

	if (queue == C_TX) {
		st_le32(m, a < 0xf0 ? a % (PORTS + 1) : (uint32_t)dq_value(4));
		a = dq_u8();
		st_le16(m + 4, a < 0xf0 ? a % 9 : a);
		st_le16(m + 6, dq_u8());
		dq_out(m, a == 0xff ? M_LEN - 1 : M_LEN);
	} else if (queue % 2) {
		dq_out_at(DQ_DATA + 32u * (a & 63), dq_length());
	} else {
		dq_in(a & 1 ? a : 64);
		if (a & 0x80)
			dq_in(dq_length());
	}
}

static void event(uint8_t b)
{
	uint8_t bytes[64];
	unsigned p = (b >> 2) % PORTS;
	struct chr *c = &chrs[W.variant][p];
	size_t n = 1u + (b >> 4);

	switch (b & 3) {
	case 0:
	case 1:
		n *= b & 1 ? 4 : 1;
		n = n < chr_room(c) ? n : chr_room(c);
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(p, (p ? 0 : TEXT) + ports[p].fed + i);
		ports[p].fed += n;
		chr_feed(c, bytes, n);
		break;
	case 2:
		if (b & 0x80)
			chr_hang_up(c);
		else
			(void)console_resize(&W.v->dev, b, (uint16_t)(b * 3));
		break;
	default:
		(void)console_plug(&W.v->dev, (b >> 2) & 3, b & 0x80);
		break;
	}
}

static void to_send(unsigned port, const struct dq_chain *c)
{
	uint64_t len = c->out_bytes < TX_MAX ? c->out_bytes : TX_MAX;
	uint8_t bytes[512];

	for (uint64_t done = 0, n; done < len; done += n) {
		n = dq_read(c, done, bytes,
			    len - done < sizeof(bytes) ? len - done : sizeof(bytes));
		ports[port].sent = add_bytes(ports[port].sent, bytes, n);
		ports[port].nr_sent += n;
	}
	if (len)
		depth_hit(sent);
	if (len && port)
		depth_hit(second_port);
}

static void to_control(const struct dq_chain *c)
{
	uint8_t m[M_LEN];
	uint32_t id;

	if (dq_read(c, 0, m, sizeof(m)) != sizeof(m))
		return;
	id = ld_le32(m);
	if (ld_le16(m + 4) == READY)
		for (unsigned i = 0; i < PORTS; i++)
			ports[i].told = ports[i].ready = false;
	if (ld_le16(m + 4) == PORT_READY && id < PORTS && ports[id].told) {
		ports[id].ready = ld_le16(m + 6) == 1;
		depth_hit(port_ready);
	}
}

static void popped(struct dq_chain *c)
{
	blurred |= W.pending.nr || W.changes || W.unsure || W.astray;
	if (c->queue > 1 && !virtio_has(W.v, MULTIPORT))
		return; /* it comes back, and that is all */
	if (c->queue == C_TX)
		to_control(c);
	else if (c->queue % 2)
		to_send(port_of(c->queue), c);
}

/* What is stored is what the back end has just given away: the (len) bytes before what is left there. */
static void input(const struct dq_chain *c, unsigned port, uint32_t len)
{
	uint64_t all = ports[port].fed + (port ? 0 : TEXT), at;
	uint8_t bytes[512];

	at = all - chr_pending(&chrs[W.variant][port]);
	FUZZ_ORACLE(len <= at, "input-length", "port %u has %u bytes of input, %llu came", port,
		    len, (unsigned long long)at);
	at -= len;
	for (uint64_t done = 0, n; done < len && dq_at_once(c); done += n) {
		n = dq_stored(c, done, bytes,
			      len - done < sizeof(bytes) ? len - done : sizeof(bytes));
		for (uint64_t i = 0; i < n && !blurred; i++)
			FUZZ_ORACLE(bytes[i] == pattern(port, at + done + i), "input-bytes",
				    "byte %llu of port %u is another",
				    (unsigned long long)(at + done + i), port);
	}
	if (len)
		depth_hit(received);
}

static void message(const struct dq_chain *c, uint32_t len)
{
	static const uint8_t more[] = {[RESIZE] = 4, [NAME] = 10};
	uint8_t m[64];
	uint32_t id;
	uint16_t e;

	FUZZ_ORACLE(len >= M_LEN && len < sizeof(m), "message-length", "a message of %u bytes",
		    len);
	dq_stored(c, 0, m, len);
	id = ld_le32(m);
	e = ld_le16(m + 4);
	if (!dq_at_once(c) || c->shared || blurred)
		return;
	FUZZ_ORACLE(id < PORTS && e <= NAME && e != READY && e != PORT_READY &&
			    len == M_LEN + more[e] && ld_le16(m + 6) <= 1,
		    "message", "port %u, event %u, value %u, %u bytes", id, e, ld_le16(m + 6), len);
	FUZZ_ORACLE(e == ADD ? !ports[id].told : ports[id].told, "message-port",
		    "event %u of port %u, which it was%s told of", e, id,
		    ports[id].told ? "" : " not");
	FUZZ_ORACLE(e == ADD || e == REMOVE || ports[id].ready, "message-ready",
		    "event %u of port %u, which is not ready", e, id);
	switch (e) {
	case ADD:
		depth_hit(port_added);
		break;
	case REMOVE:
		depth_hit(port_removed);
		break;
	case CONSOLE:
		depth_hit(console_told);
		break;
	case RESIZE:
		depth_hit(resized);
		break;
	case NAME:
		FUZZ_ORACLE(!memcmp(m + M_LEN, "vise.port", 9), "message-name", "another name");
		depth_hit(port_named);
		break;
	default:
		if (ld_le16(m + 6))
			depth_hit(port_opened);
		else
			depth_hit(port_closed);
	}
	if (e == ADD || e == REMOVE) {
		ports[id].told = e == ADD;
		ports[id].ready = false;
	}
}

static void used(const struct dq_chain *c, uint32_t len)
{
	if (c->queue % 2)
		FUZZ_ORACLE(!len, "tx-length", "%u bytes are stored into what was sent", len);
	else if (c->queue == C_RX && len)
		message(c, len);
	else if (c->queue != C_RX)
		input(c, port_of(c->queue), len);
}

static void check(void)
{
	if (!W.v->status)
		for (unsigned i = 0; i < PORTS; i++)
			ports[i].told = ports[i].ready = false;
	for (unsigned i = 0; i < PORTS && !blurred; i++) {
		/* A letter by the configuration goes out too. */
		if (!i && ports[0].nr_out == ports[0].nr_sent + 1) {
			const struct chr *c = &chrs[W.variant][0];
			uint8_t last = c->out.len ? (uint8_t)c->out.p[c->out.len - 1] : 0;

			ports[0].sent = add_bytes(ports[0].sent, &last, 1);
			ports[0].nr_sent++;
			depth_hit(emergency);
		}
		FUZZ_ORACLE(ports[i].out == ports[i].sent && ports[i].nr_out == ports[i].nr_sent,
			    "output", "port %u: %llu bytes came out, %llu were sent", i,
			    (unsigned long long)ports[i].nr_out,
			    (unsigned long long)ports[i].nr_sent);
	}
	if (W.v->nr_queues > 4 && chr_pending(&chrs[W.variant][1]))
		depth_hit(closed_port_waits);
}

static uint64_t hash_of(uint64_t seed)
{
	for (unsigned i = 0; i < PORTS; i++) {
		const uint64_t v[] = {ports[i].out, ports[i].nr_out,
				      chr_pending(&chrs[W.variant][i])};

		seed = hash64(seed, v, sizeof(v));
	}
	return seed;
}

static const char *const variants[VARIANTS + 1] = {
	"virtio-console",
	"virtio-console,ports=3",
	"virtio-console,ports=3,consoles=7,delay=2000",
	"virtio-console,ports=2,start=700,short=3",
	"virtio-console,multiport=1,consoles=0",
	NULL,
};
static const struct dq_spec spec = {.variants = variants,
				    .holds = 1u << 0 | 1u << C_RX | 1u << 4 | 1u << 6,
				    .env = env,
				    .begin = begin,
				    .request = request,
				    .event = event,
				    .popped = popped,
				    .used = used,
				    .check = check,
				    .hash = hash_of};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
