/* SPDX-License-Identifier: MIT */
/*
 * dev_net: virtio-net through its queues, by the frame of fuzz/engine/dev_queue.h, at a loop, a loop that
 * keeps offloads, and a scripted peer; frames come in from outside too.
 * @modules dev
 *
 * Oracles beside the frame's: a plain frame is sent, once, and nothing is sent that is no frame; what
 * comes in has a header that says no more than was negotiated, as many buffers as it says, and behind
 * it bytes that were sent or came from outside; a command's ack is one of the two.
 */
#define DEV_QUEUE_CLASS dev_class_virtio_net
#define DEV_QUEUE_DEPTH                                                                            \
	frame_sent, frame_refused, sum_completed, segmented, frame_received, merged_buffers,       \
		given_back_empty, large_received, command_done, command_refused, link_changed,     \
		frame_waited
#include <dev_queue.h>

#include <vmm/net.h>

#define HEADER 12u
#define NETS   5u
#define FRAME  1600u
#define MARK   0xa5u /* what every byte of a plain frame is, behind its Ethernet header */

/* 5.1.3 */
enum { GUEST_CSUM = 1, GUEST_TSO4 = 7, GUEST_TSO6 = 8, MRG_RXBUF = 15, CTRL_VQ = 17, MQ = 22 };

static struct net *nets[NETS];

static void env(struct dev_env *e, unsigned variant)
{
	static const char *const texts[NETS] = {"loop", "loop,meta=1", "peer", "loop",
						"script:=on ff drop; on ?? send $0-60"};
	const struct net_env ne = {.clock = e->clock};
	struct err err = {0};

	if (!nets[variant]) {
		FUZZ_ORACLE(!net_open(&nets[variant], texts[variant], &ne, &err) &&
				    !net_mark(nets[variant], &err),
			    "set-up", "%s", err.msg);
	} else {
		/* Another instance, to compare with: it has no frames. */
		static struct net *spare[NETS];

		if (!spare[variant])
			FUZZ_ORACLE(!net_open(&spare[variant], "null", &ne, &err), "set-up", "%s",
				    err.msg);
		e->net = &spare[variant];
		e->nr_nets = 1;
		return;
	}
	e->net = &nets[variant];
	e->nr_nets = 1;
}

static struct net *net(void)
{
	return nets[W.variant];
}

static void begin(void)
{
	struct err err = {0};

	FUZZ_ORACLE(!net_rewind(net(), &err), "rewind", "%s", err.msg);
}

static bool has(unsigned bit)
{
	return virtio_has(W.v, bit);
}

static unsigned control(void)
{
	return has(CTRL_VQ) && has(MQ) ? W.v->nr_queues - 1 : 2;
}

/* Ethernet, IPv4 and TCP of (len) bytes in all; plain ones say so from the first byte behind the types. */
static void make_frame(uint8_t *f, uint32_t len, uint8_t kind)
{
	static const uint8_t to[4][6] = {{0x52, 0x54, 0, 0x12, 0x34, 0x56},
					 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					 {1, 0, 0x5e, 0, 0, 1},
					 {2, 0, 0, 0, 0, 1}};

	static const uint8_t other[] = {0x88, 0xb5}, vlan[] = {0x81, 0, 0, 5};
	static const uint8_t ip[] = {8, 0, 0x45, 0},
			     rest[] = {0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};

	memset(f, MARK, len);
	memcpy(f, to[kind & 3], 6);
	memcpy(f + 12, other, sizeof(other));
	if (len >= 18 && (kind & 4))
		memcpy(f + 12, vlan, sizeof(vlan));
	if (len < 60 || !(kind & 8))
		return;
	memcpy(f + 12, ip, sizeof(ip));
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	memcpy(f + 18, rest, sizeof(rest));
	f[46] = 5 << 4;
}

static void request_frame(void)
{
	uint8_t what = dq_u8(), much = dq_u8(), h[HEADER] = {0}, f[FRAME];
	uint32_t len = much < 0xc0 ? much : 14 + (much & 63u) * 25;

	make_frame(f, len < 18 ? 18 : len, what & 8 ? what : what & 7);
	if (what >> 4 == 15) {
		for (unsigned i = 0; i < HEADER; i++)
			h[i] = dq_u8();
	} else if (what & 0x10) {
		h[0] = 1;
		h[6] = 34;
		h[8] = 16;
		h[1] = what & 0x20 ? 1 : 0;
		h[4] = what & 0x20 ? (uint8_t)(16 + dq_u8()) : 0;
	}
	dq_out(h, HEADER);
	dq_out(f, len);
}

static void request_command(void)
{
	static const struct {
		uint8_t cls, cmd, len;
	} commands[] = {{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}, {0, 5, 1},
			{1, 0, 0}, {1, 1, 6}, {2, 0, 2}, {2, 1, 2}, {3, 0, 0}, {4, 0, 2}};
	static const uint8_t group[] = {1, 0, 0x5e, 0, 0, 1};
	uint8_t what = dq_u8(), val = dq_u8(), b[512] = {0};
	uint32_t len, n;

	if (what >= 0xf0) {
		b[0] = val;
		b[1] = dq_u8();
		len = dq_u8() % 60;
	} else {
		b[0] = commands[what % 12].cls;
		b[1] = commands[what % 12].cmd;
		len = commands[what % 12].len;
		b[2] = val;
		b[3] = len == 2 ? 0 : 1;
		if (b[0] == 1 && !b[1]) {
			/* Two tables, the first of (val) addresses, or about as many as there is room for. */
			n = (val & 0x40 ? 63 : 0) + (val & 3);
			st_le32(b + 2, val & 0x80 ? 0xfffffff0u + val : n);
			for (uint32_t i = 0; i < n; i++)
				memcpy(b + 6 + 6 * i, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(i + 1)},
				       6);
			st_le32(b + 6 + 6 * n, val >> 2 & 1);
			memcpy(b + 10 + 6 * n, group, sizeof(group));
			len = 8 + 6 * n + 6 * (val >> 2 & 1) - (val >> 3 & 1);
		}
	}
	dq_out(b, 2 + len);
	if (what < 0xe0 || what >= 0xf0)
		dq_in(1 + (val & 1));
}

static void request(unsigned queue)
{
	if (queue == control())
		request_command();
	else if (queue & 1)
		request_frame();
	else
		dq_in(dq_length() % 2048);
}

/* The frame that comes from outside now, where it is what the driver gets; length 0: none is. */
static uint8_t came[FRAME];
static uint32_t came_len;

/* From outside: frames of all kinds, and the cable. */
static void event(uint8_t b)
{
	uint32_t len = 14 + (b & 0x30u) * 12 + (b & 1) * 50u;
	struct net_meta m = {.flags = NET_NEEDS_CSUM,
			     .gso = NET_GSO_TCP4,
			     .gso_size = 100,
			     .csum_start = 34,
			     .csum_offset = 16};
	bool meta;

	if (b >= 0xf0) {
		net_link(net(), b & 1, b & 2);
		depth_hit(link_changed);
		return;
	}
	make_frame(came, len < 60 && (b & 8) ? 60 : len, b & 15);
	len = len < 60 && (b & 8) ? 60 : len;
	meta = (b & 0x40) && (b & 8) && !(b & 4);
	came_len = net_waiting(net()) || meta ? 0 : len;
	(void)net_input(net(), came, len, meta ? &m : NULL, clock_now(&W.clock));
	came_len = 0;
}

/* Of a frame to be sent: is it a plain one, or none at all? */
enum { PLAIN = 1, NO_FRAME = 2, OPEN_SUM = 4, LARGE = 8 };

static void popped(struct dq_chain *c)
{
	uint64_t len = c->out_bytes - HEADER;
	uint8_t h[HEADER] = {0};

	c->note[0] = 0;
	c->note[1] = net()->stats.sent;
	if (c->queue == control() || !(c->queue & 1) || c->queue >= control())
		return;
	if (c->out_bytes < HEADER || len < NET_FRAME_MIN || len > NET_FRAME_MAX) {
		c->note[0] = NO_FRAME;
		return;
	}
	dq_read(c, 0, h, sizeof(h));
	if (!(h[0] & 1) && !h[1])
		c->note[0] = PLAIN;
	c->note[0] |= (h[0] & 1 ? OPEN_SUM : 0) | (h[1] ? LARGE : 0);
}

static void used_transmit(const struct dq_chain *c, uint32_t len)
{
	uint64_t sent = net()->stats.sent - c->note[1];

	FUZZ_ORACLE(!len, "net-sent-len", "%u bytes stored in what was sent", len);
	/* What comes back at once may take receive buffers in between, but nothing else is sent. */
	if (c->call != W.calls || W.v->delay || W.changes || W.unsure)
		return;
	FUZZ_ORACLE(!(c->note[0] & NO_FRAME) || !sent, "net-sent", "%llu frames of none",
		    (unsigned long long)sent);
	FUZZ_ORACLE(!(c->note[0] & PLAIN) || sent == net()->link_up, "net-sent",
		    "%llu frames of one, link %d", (unsigned long long)sent, net()->link_up);
	FUZZ_ORACLE((c->note[0] & LARGE) || sent <= 1, "net-sent", "%llu frames of one",
		    (unsigned long long)sent);
	if (!sent)
		depth_hit(frame_refused);
	else if (c->note[0] & PLAIN)
		depth_hit(frame_sent);
	if (sent == 1 && (c->note[0] & OPEN_SUM) && !(c->note[0] & LARGE))
		depth_hit(sum_completed);
	if (sent > 1)
		depth_hit(segmented);
}

static void used_receive(const struct dq_chain *c, uint32_t len)
{
	uint8_t h[HEADER], f[FRAME];
	uint64_t n;
	uint16_t nr;

	if (!len) {
		depth_hit(given_back_empty);
		return;
	}
	/* Only the first buffer of a frame begins with a header. */
	if (has(MRG_RXBUF) && W.q[c->queue].pops > 1) {
		depth_hit(merged_buffers);
		return;
	}
	if (!dq_at_once(c) || len < HEADER || dq_stored(c, 0, h, HEADER) != HEADER)
		return;
	nr = ld_le16(h + 10);
	FUZZ_ORACLE(nr == 1, "net-buffers", "%u of them", nr);
	FUZZ_ORACLE(!(h[0] & ~1) && (!h[0] || has(GUEST_CSUM)), "net-flags", "flags %#x", h[0]);
	FUZZ_ORACLE(!h[1] || (h[1] & 0x7f) == 1 ? !h[1] || (has(GUEST_CSUM) && has(GUEST_TSO4))
						: has(GUEST_CSUM) && has(GUEST_TSO6),
		    "net-gso", "type %#x", h[1]);
	depth_hit(frame_received);
	if (h[1])
		depth_hit(large_received);
	/* A driver that takes buffers away below a frame gets what there was room for. */
	if (has(MRG_RXBUF) && (!came_len || len != HEADER + came_len))
		return;
	FUZZ_ORACLE(len >= HEADER + NET_FRAME_MIN, "net-length", "a frame of %u bytes",
		    len - HEADER);
	n = dq_stored(c, HEADER, f, len - HEADER < FRAME ? len - HEADER : FRAME);
	FUZZ_ORACLE(!came_len || (len - HEADER == came_len && !memcmp(f, came, n)), "net-bytes",
		    "%u bytes came, %u are there", came_len, len - HEADER);
}

static void used(const struct dq_chain *c, uint32_t len)
{
	uint8_t ack = 0;

	if (c->error) {
		FUZZ_ORACLE(!len, "net-malformed", "%u bytes stored in a chain that is none", len);
		return;
	}
	if (c->queue < control() && !(c->queue & 1)) {
		used_receive(c, len);
		return;
	}
	if (c->queue < control()) {
		used_transmit(c, len);
		return;
	}
	FUZZ_ORACLE(len == (c->in_bytes ? 1 : 0), "net-ack", "%u bytes of %llu", len,
		    (unsigned long long)c->in_bytes);
	if (!len || !dq_at_once(c))
		return;
	dq_stored(c, 0, &ack, 1);
	FUZZ_ORACLE(ack <= 1, "net-ack", "ack %u", ack);
	if (ack)
		depth_hit(command_refused);
	else
		depth_hit(command_done);
}

static void check(void)
{
	const struct net_stats *s = &net()->stats;

	if (s->sent > s->received + s->refused + s->overrun)
		depth_hit(frame_waited);
}

static uint64_t hash(uint64_t seed)
{
	const struct net_stats *s = &net()->stats;
	uint64_t v[] = {s->sent, s->sent_bytes, s->received, s->received_bytes,
			s->bad,	 s->refused,	s->overrun};

	return hash64(seed, v, sizeof(v));
}

static const char *const variants[] = {
	"virtio-net",		"virtio-net,mtu=200",		"virtio-net,pairs=2",
	"virtio-net,delay=500", "virtio-net,start=300,pairs=3", NULL};
/* What is not a transmit queue may have nothing to be filled with, or not be negotiated. */
static const struct dq_spec spec = {.variants = variants,
				    .holds = ~2u,
				    .env = env,
				    .begin = begin,
				    .request = request,
				    .event = event,
				    .popped = popped,
				    .used = used,
				    .check = check,
				    .hash = hash};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return dq_input(&spec, &dq_mmio, data, size);
}

#include <dev_queue_end.h>
