/* SPDX-License-Identifier: MIT */
/*
 * virtio-vsock: the socket device, virtio 1.2 section 5.10: stream connections between the guest and
 * CID 2. At the other end are services of our own, which need nothing outside and repeat: echo (port
 * 7), discard (9), a generator of characters (19); or the machine's vsock peer.
 *
 * A packet is a header of 44 bytes and data, however the driver cuts them into descriptors. What a
 * driver must not do has an outcome; but for the first two it is told by a RST, which a RST never is:
 * - a malformed chain, or a header that is too short: completed, nothing else;
 * - another source CID than the guest's own (5.10.6.2): the same;
 * - a type other than stream, a packet of no connection, a REQUEST that is not taken;
 * - an unknown operation, a second REQUEST, data over the credit or after the guest's own SHUTDOWN, a
 *   length beyond the chain: the connection that it names ends.
 * A chain for packets to the guest that is malformed or takes no packet is completed with used.len 0.
 *
 * Flow of the queues (5.10.6.1): connections are what is kept outside of them, and up to REPLIES
 * resets for what is no connection; when those are full, packets from the guest wait for the guest to
 * give buffers. Packets to the guest are completed in order; the option `delay` is for the others.
 *
 * Bounds: VSOCK_CONNS connections of CONN_BUF bytes each; a doorbell does at most a queue's worth of
 * packets each way; a connection that the guest does not close ends after CLOSE_NS.
 */
#include <errno.h>

#include <vmm/virtio.h>
#include <vmm/virtio_host.h>
#include <vmm/vsock_peer.h>

#define VSOCK_DEVICE_ID 19u /* section 5 */
#define VSOCK_QUEUE_MAX 128u
#define VSOCK_BASE	0xd0000000u
#define VSOCK_IRQ	5u
#define CONN_BUF	4096u /* what buf_alloc says to the guest */
#define REPLIES		16u
#define CLOSE_NS	2000000000ull /* 5.10.6.6: no RST after our SHUTDOWN, no answer to our REQUEST */

#define F_STREAM	      0 /* 5.10.3 */
#define BIT(n)		      (1ull << (n))
#define EVENT_TRANSPORT_RESET 0u /* 5.10.6.7 */
#define EVENT_LEN	      4u

enum queue { Q_RX, Q_TX, Q_EVENT, NR_QUEUES };

/* struct virtio_vsock_hdr, 5.10.6 */
enum header {
	H_SRC_CID = 0,
	H_DST_CID = 8,
	H_SRC_PORT = 16,
	H_DST_PORT = 20,
	H_LEN = 24,
	H_TYPE = 28,
	H_OP = 30,
	H_FLAGS = 32,
	H_BUF_ALLOC = 36,
	H_FWD_CNT = 40,
	HEADER_LEN = 44,
};
enum op {
	OP_INVALID,
	OP_REQUEST,
	OP_RESPONSE,
	OP_RST,
	OP_SHUTDOWN,
	OP_RW,
	OP_CREDIT_UPDATE,
	OP_CREDIT_REQUEST,
};
#define TYPE_STREAM 1u
/* Flags of SHUTDOWN, 5.10.6.6 */
#define SHUT_RECEIVE 1u
#define SHUT_SEND    2u
#define SHUT_BOTH    3u

struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len, flags, buf_alloc, fwd_cnt;
	uint16_t type, op;
};

enum conn_state {
	FREE,
	ASKING,	 /* we sent REQUEST, or owe it */
	WAITING, /* the guest did, the peer has not answered */
	UP,
	DYING, /* nothing but the RST that is owed */
	CONN_STATES,
};
enum service { PEER, ECHO, DISCARD, CHARGEN, SERVICES };

/* Packets without data that are owed to the guest, a bit each; sent in this order. */
#define OWE_REQUEST	   1u
#define OWE_RESPONSE	   2u
#define OWE_RST		   4u
#define OWE_CREDIT_UPDATE  8u
#define OWE_CREDIT_REQUEST 16u
#define OWE_SHUTDOWN	   32u
#define OWE_ALL		   63u

struct conn {
	uint8_t state, service, owe;
	uint8_t guest_shut, our_shut; /* SHUT_* that each side said */
	bool asked;		      /* for credit, since there was none */
	bool end_told;		      /* the peer knows that the guest sends nothing more */
	uint32_t guest_port, host_port;
	uint32_t buf_alloc, peer_fwd; /* what the guest said of its buffer */
	uint32_t sent;		      /* bytes to it */
	uint32_t received, fwd, told; /* bytes from it; gone on; what it knows of that */
	uint64_t deadline;	      /* virtual ns, 0: none */
	uint32_t head, used;	      /* of buf: bytes from the guest that wait */
	uint8_t buf[CONN_BUF];
};

struct virtio_vsock {
	struct virtio v;
	struct vsock_peer *peer;
	uint64_t option_cid, call; /* options */
	uint64_t cid;
	bool called, event_owed;
	uint32_t turn; /* the connection that is looked at first */
	uint32_t nr_replies;
	uint64_t reply_cid[REPLIES]; /* ours, as the guest named it */
	uint32_t reply_from[REPLIES], reply_to[REPLIES];
	uint16_t reply_type[REPLIES];
	struct conn conn[VSOCK_CONNS];
	struct clock_timer timer;
};

static struct virtio_vsock *vsock_of(struct dev *d)
{
	return container_of(d, struct virtio_vsock, v.dev);
}

static unsigned number_of(const struct virtio_vsock *s, const struct conn *c)
{
	return (unsigned)(c - s->conn);
}

static uint64_t now(const struct virtio_vsock *s)
{
	return s->v.dev.env.clock ? clock_now(s->v.dev.env.clock) : 0;
}

/* ---- the table ----------------------------------------------------------------------------------- */

static struct conn *find(struct virtio_vsock *s, uint32_t guest_port, uint32_t host_port)
{
	for (unsigned i = 0; i < VSOCK_CONNS; i++) {
		struct conn *c = &s->conn[i];

		if (c->state != FREE && c->guest_port == guest_port && c->host_port == host_port)
			return c;
	}
	return NULL;
}

static struct conn *find_free(struct virtio_vsock *s)
{
	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (s->conn[i].state == FREE)
			return &s->conn[i];
	return NULL;
}

static void leave_peer(struct virtio_vsock *s, const struct conn *c, bool reset)
{
	if (c->service == PEER && (c->state == UP || c->state == WAITING || c->state == ASKING))
		s->peer->ops->close(s->peer, number_of(s, c), reset);
}

static void forget(struct virtio_vsock *s, struct conn *c)
{
	leave_peer(s, c, c->our_shut != SHUT_BOTH);
	memset(c, 0, sizeof(*c));
}

/* It ends with a RST. */
static void finish(struct virtio_vsock *s, struct conn *c, bool reset)
{
	leave_peer(s, c, reset);
	c->state = DYING;
	c->owe = OWE_RST;
	c->head = 0;
	c->used = 0;
	c->deadline = 0;
}

static void guest_wrong(struct virtio_vsock *s, struct conn *c, const char *what, uint64_t val)
{
	dev_guest_error(&s->v.dev, what, c->guest_port, val);
	finish(s, c, true);
}

/* A RST for what is no connection; there is room: transmit() looked. */
static void reply_rst(struct virtio_vsock *s, const struct packet *p)
{
	unsigned i = s->nr_replies++;

	s->reply_cid[i] = p->dst_cid;
	s->reply_from[i] = p->dst_port;
	s->reply_to[i] = p->src_port;
	s->reply_type[i] = p->type;
}

static void take_reply(struct virtio_vsock *s, struct packet *p)
{
	unsigned n = --s->nr_replies;

	*p = (struct packet){.src_cid = s->reply_cid[0],
			     .src_port = s->reply_from[0],
			     .dst_port = s->reply_to[0],
			     .type = s->reply_type[0],
			     .op = OP_RST};
	memmove(&s->reply_cid[0], &s->reply_cid[1], n * sizeof(s->reply_cid[0]));
	memmove(&s->reply_from[0], &s->reply_from[1], n * sizeof(s->reply_from[0]));
	memmove(&s->reply_to[0], &s->reply_to[1], n * sizeof(s->reply_to[0]));
	memmove(&s->reply_type[0], &s->reply_type[1], n * sizeof(s->reply_type[0]));
	/* What is not in use is 0, so that equal states have equal bytes. */
	s->reply_cid[n] = 0;
	s->reply_from[n] = 0;
	s->reply_to[n] = 0;
	s->reply_type[n] = 0;
}

/* ---- what stands at the other end ---------------------------------------------------------------- */

/* Bytes that wait for the guest. */
static size_t pending(const struct virtio_vsock *s, const struct conn *c)
{
	if (c->state != UP || (c->guest_shut & SHUT_RECEIVE) || (c->our_shut & SHUT_SEND))
		return 0;
	switch ((enum service)c->service) {
	case ECHO:
		return c->used;
	case CHARGEN:
		return c->guest_shut ? 0 : CONN_BUF;
	case PEER:
		return s->peer->ops->readable(s->peer, number_of(s, c));
	default:
		return 0;
	}
}

static void consumed(struct conn *c, uint32_t n)
{
	c->head = (c->head + n) % CONN_BUF;
	c->used -= n;
	c->fwd += n;
}

/* The first (n) bytes of pending(). */
static void take(struct virtio_vsock *s, struct conn *c, uint8_t *buf, uint32_t n)
{
	switch ((enum service)c->service) {
	case ECHO: {
		uint32_t first = n < CONN_BUF - c->head ? n : CONN_BUF - c->head;

		memcpy(buf, &c->buf[c->head], first);
		memcpy(buf + first, c->buf, n - first);
		consumed(c, n);
		break;
	}
	case CHARGEN: /* RFC 864: the printing characters, over and over */
		for (uint32_t i = 0; i < n; i++)
			buf[i] = (uint8_t)(' ' + (c->sent + i) % 95);
		break;
	case PEER:
		s->peer->ops->read(s->peer, number_of(s, c), buf, n);
		break;
	default:
		break;
	}
}

/* Bytes from the guest go on to where they are wanted. */
static void pass_on(struct virtio_vsock *s, struct conn *c)
{
	if (c->service == ECHO) {
		if (c->guest_shut & SHUT_RECEIVE)
			consumed(c, c->used);
		return;
	}
	while (c->used && c->service == PEER) {
		uint32_t n = c->used < CONN_BUF - c->head ? c->used : CONN_BUF - c->head;
		size_t took = s->peer->ops->write(s->peer, number_of(s, c), &c->buf[c->head], n);

		if (!took)
			break;
		consumed(c, (uint32_t)took);
	}
	if (c->service != PEER || (c->our_shut & SHUT_RECEIVE))
		consumed(c, c->used);
	if (c->service == PEER && (c->guest_shut & SHUT_SEND) && !c->used && !c->end_told) {
		c->end_told = true;
		s->peer->ops->end(s->peer, number_of(s, c));
	}
}

/* What the host's side has ended by itself: SHUT_*. */
static unsigned host_ended(const struct virtio_vsock *s, const struct conn *c)
{
	unsigned said, ended = 0;

	if (c->service != PEER)
		return (c->guest_shut & SHUT_SEND) && !c->used ? SHUT_BOTH : 0;
	said = s->peer->ops->poll(s->peer, number_of(s, c));
	if ((said & VSOCK_PEER_ENDED) && !pending(s, c))
		ended |= SHUT_SEND;
	if (said & VSOCK_PEER_DEAF)
		ended |= SHUT_RECEIVE;
	return ended;
}

/* 5.10.6.3: what the guest can take. Its numbers may be anything. */
static uint32_t credit(const struct conn *c)
{
	uint32_t out = c->sent - c->peer_fwd;

	return out < c->buf_alloc ? c->buf_alloc - out : 0;
}

static void answer(struct virtio_vsock *s, struct conn *c)
{
	unsigned said = s->peer->ops->poll(s->peer, number_of(s, c));

	if (said & VSOCK_PEER_GONE) {
		finish(s, c, false);
	} else if (said & VSOCK_PEER_OPEN) {
		c->state = UP;
		c->owe |= OWE_RESPONSE;
	}
}

static bool both_ways_over(const struct conn *c)
{
	return ((c->guest_shut & SHUT_SEND) || (c->our_shut & SHUT_RECEIVE)) &&
	       ((c->guest_shut & SHUT_RECEIVE) || (c->our_shut & SHUT_SEND));
}

/* After anything that may have changed it: what is owed now? */
static void settle(struct virtio_vsock *s, struct conn *c)
{
	unsigned ended;

	if (c->state == WAITING)
		answer(s, c);
	if (c->state == ASKING && c->service == PEER &&
	    (s->peer->ops->poll(s->peer, number_of(s, c)) & VSOCK_PEER_GONE))
		finish(s, c, false);
	if (c->state != UP)
		return;
	if (c->service == PEER &&
	    (s->peer->ops->poll(s->peer, number_of(s, c)) & VSOCK_PEER_GONE)) {
		finish(s, c, false);
		return;
	}
	pass_on(s, c);
	if (c->guest_shut == SHUT_BOTH && !c->used) {
		finish(s, c, false);
		return;
	}
	ended = host_ended(s, c) & ~c->our_shut;
	if (ended) {
		c->our_shut |= ended;
		c->owe |= OWE_SHUTDOWN;
	}
	if (both_ways_over(c) && !c->deadline)
		c->deadline = now(s) + CLOSE_NS;
	/* The guest believes that less than half of our buffer is free, and is wrong. */
	if (c->fwd != c->told && c->received - c->told > CONN_BUF / 2)
		c->owe |= OWE_CREDIT_UPDATE;
	if (credit(c)) {
		c->asked = false;
	} else if (pending(s, c) && !c->asked) {
		c->asked = true;
		c->owe |= OWE_CREDIT_REQUEST;
	}
}

/* ---- packets from the guest ---------------------------------------------------------------------- */

static void parse(const uint8_t *h, struct packet *p)
{
	*p = (struct packet){.src_cid = ld_le64(&h[H_SRC_CID]),
			     .dst_cid = ld_le64(&h[H_DST_CID]),
			     .src_port = ld_le32(&h[H_SRC_PORT]),
			     .dst_port = ld_le32(&h[H_DST_PORT]),
			     .len = ld_le32(&h[H_LEN]),
			     .flags = ld_le32(&h[H_FLAGS]),
			     .buf_alloc = ld_le32(&h[H_BUF_ALLOC]),
			     .fwd_cnt = ld_le32(&h[H_FWD_CNT]),
			     .type = ld_le16(&h[H_TYPE]),
			     .op = ld_le16(&h[H_OP])};
}

static int service_of(const struct virtio_vsock *s, uint32_t port)
{
	if (s->peer)
		return PEER;
	/* RFC 862, 863, 864 */
	return port == 7 ? ECHO : port == 9 ? DISCARD : port == 19 ? CHARGEN : -1;
}

static void on_request(struct virtio_vsock *s, const struct packet *p)
{
	struct conn *c = find_free(s);
	int service = service_of(s, p->dst_port), r = 0;

	if (!c || service < 0) {
		reply_rst(s, p);
		return;
	}
	if (service == PEER)
		r = s->peer->ops->connect(s->peer, number_of(s, c), p->dst_port);
	if (r && r != -EINPROGRESS) {
		reply_rst(s, p);
		return;
	}
	*c = (struct conn){.state = r ? WAITING : UP,
			   .service = (uint8_t)service,
			   .owe = r ? 0 : OWE_RESPONSE,
			   .guest_port = p->src_port,
			   .host_port = p->dst_port,
			   .buf_alloc = p->buf_alloc,
			   .peer_fwd = p->fwd_cnt};
}

static void on_data(struct virtio_vsock *s, struct conn *c, const struct packet *p,
		    const struct virtq_chain *chain)
{
	struct virtq *q = &s->v.q[Q_TX];
	uint32_t tail = (c->head + c->used) % CONN_BUF;
	uint32_t first = p->len < CONN_BUF - tail ? p->len : CONN_BUF - tail;

	if (c->guest_shut & SHUT_SEND) {
		guest_wrong(s, c, "virtio-vsock: data after the guest's own SHUTDOWN", p->len);
		return;
	}
	/* 5.10.6.3.1: only as much as there is room for. */
	if (p->len > CONN_BUF - c->used) {
		guest_wrong(s, c, "virtio-vsock: data over the credit", p->len);
		return;
	}
	if (virtq_read(q, chain, HEADER_LEN, &c->buf[tail], first) != first ||
	    virtq_read(q, chain, HEADER_LEN + (uint64_t)first, c->buf, p->len - first) !=
		    p->len - first) {
		guest_wrong(s, c, "virtio-vsock: data that is not in memory", p->len);
		return;
	}
	c->used += p->len;
	c->received += p->len;
}

/* A packet of an open connection, or of one that the device asked for. */
static void on_packet(struct virtio_vsock *s, struct conn *c, const struct packet *p,
		      const struct virtq_chain *chain)
{
	bool up = c->state == UP;

	c->buf_alloc = p->buf_alloc;
	c->peer_fwd = p->fwd_cnt;
	if (p->op == OP_RESPONSE && c->state == ASKING && !(c->owe & OWE_REQUEST)) {
		c->state = UP;
		c->deadline = 0;
		if (c->service == PEER && s->peer->ops->accepted)
			s->peer->ops->accepted(s->peer, number_of(s, c));
	} else if (p->op == OP_RW && up) {
		on_data(s, c, p, chain);
	} else if (p->op == OP_SHUTDOWN && up) {
		c->guest_shut |= p->flags & SHUT_BOTH;
	} else if (p->op == OP_CREDIT_REQUEST && up) {
		c->owe |= OWE_CREDIT_UPDATE;
	} else if (p->op != OP_CREDIT_UPDATE || !up) {
		guest_wrong(s, c, "virtio-vsock: an operation that the connection does not take",
			    p->op);
	}
}

static void receive(struct virtio_vsock *s, const struct virtq_chain *chain)
{
	uint8_t header[HEADER_LEN];
	struct packet p;
	struct conn *c;
	bool bad;

	if (chain->error ||
	    virtq_read(&s->v.q[Q_TX], chain, 0, header, sizeof(header)) != HEADER_LEN) {
		dev_guest_error(&s->v.dev, "virtio-vsock: a packet without its header", chain->head,
				chain->error);
		return;
	}
	parse(header, &p);
	if (p.src_cid != s->cid) {
		dev_guest_error(&s->v.dev, "virtio-vsock: a source that is not the guest",
				p.src_cid, s->cid);
		return;
	}
	bad = p.type != TYPE_STREAM || p.op == OP_INVALID || p.op > OP_CREDIT_REQUEST ||
	      p.len > chain->out_bytes - HEADER_LEN;
	c = p.dst_cid == VSOCK_CID_HOST ? find(s, p.src_port, p.dst_port) : NULL;
	if (bad)
		dev_guest_error(&s->v.dev, "virtio-vsock: a packet of no known kind or length",
				(uint64_t)p.type << 16 | p.op, p.len);
	/* A RST is never answered, whatever else is in it. */
	if (p.op == OP_RST) {
		if (c && p.type == TYPE_STREAM)
			forget(s, c);
	} else if (p.type != TYPE_STREAM || (bad && !c)) {
		reply_rst(s, &p);
	} else if (c && c->state == DYING) {
		/* A RST is owed already. */
	} else if (bad) {
		finish(s, c, true);
	} else if (c) {
		on_packet(s, c, &p, chain);
	} else if (p.op == OP_REQUEST && p.dst_cid == VSOCK_CID_HOST) {
		on_request(s, &p);
	} else {
		reply_rst(s, &p);
	}
}

static bool transmit(struct virtio_vsock *s)
{
	struct virtq_chain chain;
	bool any = false;

	while (s->nr_replies < REPLIES && virtq_next(&s->v.q[Q_TX], &chain) == 1) {
		receive(s, &chain);
		any = true;
		if (virtio_complete(&s->v, Q_TX, &chain))
			break;
	}
	return any;
}

/* ---- packets to the guest ------------------------------------------------------------------------ */

/* What is next of a connection; OP_INVALID: nothing. (room): for data, in the guest's buffer. */
static enum op next_op(const struct virtio_vsock *s, const struct conn *c, uint64_t room)
{
	if (c->owe & OWE_REQUEST)
		return OP_REQUEST;
	if (c->owe & OWE_RESPONSE)
		return OP_RESPONSE;
	if (c->owe & OWE_RST)
		return OP_RST;
	if (room && credit(c) && pending(s, c))
		return OP_RW;
	if (c->owe & OWE_CREDIT_UPDATE)
		return OP_CREDIT_UPDATE;
	if (c->owe & OWE_CREDIT_REQUEST)
		return OP_CREDIT_REQUEST;
	return c->owe & OWE_SHUTDOWN ? OP_SHUTDOWN : OP_INVALID;
}

static void paid(struct conn *c, enum op op)
{
	static const uint8_t bit[] = {[OP_REQUEST] = OWE_REQUEST,
				      [OP_RESPONSE] = OWE_RESPONSE,
				      [OP_RST] = OWE_RST,
				      [OP_SHUTDOWN] = OWE_SHUTDOWN,
				      [OP_RW] = OWE_CREDIT_UPDATE,
				      [OP_CREDIT_UPDATE] = OWE_CREDIT_UPDATE,
				      [OP_CREDIT_REQUEST] = OWE_CREDIT_REQUEST};

	c->owe &= (uint8_t)~bit[op];
	c->told = c->fwd;
}

static bool store(struct virtio_vsock *s, struct virtq_chain *chain, const struct packet *p,
		  const void *data)
{
	struct virtq *q = &s->v.q[Q_RX];
	uint8_t h[HEADER_LEN];

	st_le64(&h[H_SRC_CID], p->src_cid);
	st_le64(&h[H_DST_CID], s->cid);
	st_le32(&h[H_SRC_PORT], p->src_port);
	st_le32(&h[H_DST_PORT], p->dst_port);
	st_le32(&h[H_LEN], p->len);
	st_le16(&h[H_TYPE], p->type);
	st_le16(&h[H_OP], p->op);
	st_le32(&h[H_FLAGS], p->flags);
	st_le32(&h[H_BUF_ALLOC], p->buf_alloc);
	st_le32(&h[H_FWD_CNT], p->fwd_cnt);
	return virtq_write(q, chain, 0, h, sizeof(h)) == HEADER_LEN &&
	       (!p->len || virtq_write(q, chain, HEADER_LEN, data, p->len) == p->len);
}

/* As much as there is, the guest can take, and one packet holds. */
static bool store_data(struct virtio_vsock *s, struct conn *c, struct virtq_chain *chain,
		       struct packet *p)
{
	uint64_t room = chain->in_bytes - HEADER_LEN;
	uint8_t data[CONN_BUF];
	size_t n = pending(s, c);

	n = n < credit(c) ? n : credit(c);
	n = n < room ? n : room;
	p->len = (uint32_t)(n < sizeof(data) ? n : sizeof(data));
	take(s, c, data, p->len);
	c->sent += p->len;
	p->fwd_cnt = c->fwd;
	return store(s, chain, p, data);
}

static void send_of(struct virtio_vsock *s, struct conn *c, enum op op, struct virtq_chain *chain)
{
	struct packet p = {.src_cid = VSOCK_CID_HOST,
			   .src_port = c->host_port,
			   .dst_port = c->guest_port,
			   .type = TYPE_STREAM,
			   .op = (uint16_t)op,
			   .flags = op == OP_SHUTDOWN ? c->our_shut : 0,
			   .buf_alloc = CONN_BUF,
			   .fwd_cnt = c->fwd};
	bool stored = op == OP_RW ? store_data(s, c, chain, &p) : store(s, chain, &p, NULL);

	paid(c, op);
	if (op == OP_REQUEST)
		c->deadline = now(s) + CLOSE_NS;
	if (!stored)
		guest_wrong(s, c, "virtio-vsock: a buffer that is not in memory", op);
	else if (op == OP_RST)
		memset(c, 0, sizeof(*c));
	else
		settle(s, c);
}

static bool owes(const struct virtio_vsock *s)
{
	if (s->nr_replies)
		return true;
	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (s->conn[i].state != FREE && next_op(s, &s->conn[i], 1) != OP_INVALID)
			return true;
	return false;
}

/* Fill a chain of the guest's. */
static void fill(struct virtio_vsock *s, struct virtq_chain *chain)
{
	uint64_t room;

	if (chain->error || chain->in_bytes < HEADER_LEN) {
		dev_guest_error(&s->v.dev, "virtio-vsock: a buffer without room for a header",
				chain->head, chain->error);
		return;
	}
	room = chain->in_bytes - HEADER_LEN;
	if (s->nr_replies) {
		struct packet p;

		take_reply(s, &p);
		(void)store(s, chain, &p, NULL);
		return;
	}
	for (unsigned i = 0; i < VSOCK_CONNS; i++) {
		unsigned n = (s->turn + i) % VSOCK_CONNS;
		struct conn *c = &s->conn[n];
		enum op op = c->state == FREE ? OP_INVALID : next_op(s, c, room);

		if (op == OP_INVALID)
			continue;
		s->turn = (n + 1) % VSOCK_CONNS;
		send_of(s, c, op, chain);
		return;
	}
	dev_guest_error(&s->v.dev, "virtio-vsock: a buffer without room for data", chain->head,
			chain->in_bytes);
}

static bool send_all(struct virtio_vsock *s)
{
	struct virtq_chain chain;
	bool any = false;

	while (owes(s) && virtq_next(&s->v.q[Q_RX], &chain) == 1) {
		fill(s, &chain);
		any = true;
		if (virtq_push(&s->v.q[Q_RX], &chain))
			break;
	}
	return any;
}

static void send_event(struct virtio_vsock *s)
{
	struct virtq *q = &s->v.q[Q_EVENT];
	struct virtq_chain chain;
	uint8_t event[EVENT_LEN];

	st_le32(event, EVENT_TRANSPORT_RESET);
	while (s->event_owed && virtq_next(q, &chain) == 1) {
		if (chain.in_bytes >= EVENT_LEN &&
		    virtq_write(q, &chain, 0, event, EVENT_LEN) == EVENT_LEN)
			s->event_owed = false;
		else
			dev_guest_error(&s->v.dev,
					"virtio-vsock: a buffer without room for an event",
					chain.head, chain.error);
		if (virtq_push(q, &chain))
			return;
	}
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* Connections that the host asks for. */
static void calls(struct virtio_vsock *s)
{
	uint32_t port = (uint32_t)s->call;
	struct conn *c = find_free(s);

	if (s->peer) {
		while (c && s->peer->ops->accept &&
		       s->peer->ops->accept(s->peer, number_of(s, c), &port)) {
			uint32_t from = VSOCK_CALL_PORT + number_of(s, c);

			*c = (struct conn){.state = ASKING,
					   .service = PEER,
					   .owe = OWE_REQUEST,
					   .guest_port = port,
					   .host_port = from};
			c = find_free(s);
		}
	} else if (port && !s->called && c) {
		s->called = true;
		*c = (struct conn){.state = ASKING,
				   .service = ECHO,
				   .owe = OWE_REQUEST,
				   .guest_port = port,
				   .host_port = VSOCK_CALL_PORT};
	}
}

static void arm(struct virtio_vsock *s)
{
	uint64_t first = CLOCK_NEVER;

	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (s->conn[i].deadline && s->conn[i].deadline < first)
			first = s->conn[i].deadline;
	if (s->v.dev.env.clock && s->timer.deadline != first)
		clock_arm(s->v.dev.env.clock, &s->timer, first);
}

/* Do what can be done; the queue (rung) is handled by the transport before and after. */
static void pump(struct virtio_vsock *s, unsigned rung)
{
	struct virtio *v = &s->v;
	bool more;

	if (!(v->status & VIRTIO_S_DRIVER_OK) || (v->status & VIRTIO_S_NEEDS_RESET) || v->stopped)
		return;
	for (unsigned i = 0; i < NR_QUEUES; i++)
		if (i != rung && v->q[i].ready)
			virtq_kick_begin(&v->q[i]);
	/* Each round takes a chain of one of two queues, which are bounded. */
	do {
		more = transmit(s);
		calls(s);
		for (unsigned i = 0; i < VSOCK_CONNS; i++)
			settle(s, &s->conn[i]);
		more |= send_all(s);
	} while (more);
	send_event(s);
	arm(s);
	for (unsigned i = 0; i < NR_QUEUES; i++) {
		if (i == rung || !v->q[i].ready)
			continue;
		if (v->q[i].broken)
			virtio_broken(v, virtq_error_name(v->q[i].broken));
		else
			virtio_signal(v, i);
	}
}

static void vsock_notify(struct virtio *v, unsigned queue)
{
	pump(vsock_of(&v->dev), queue);
}

static void vsock_wake(void *ctx)
{
	pump(ctx, NR_QUEUES);
}

static void vsock_late(void *ctx, uint64_t at)
{
	struct virtio_vsock *s = ctx;

	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (s->conn[i].deadline && s->conn[i].deadline <= at)
			finish(s, &s->conn[i], true);
	pump(s, NR_QUEUES);
	arm(s);
}

/* Nothing of what was open is any more, and the driver is told when it can be. */
static void lose_all(struct virtio_vsock *s)
{
	if (s->peer)
		s->peer->ops->reset(s->peer);
	memset(s->conn, 0, sizeof(s->conn));
	s->event_owed = true;
}

int vsock_set_cid(struct dev *d, uint64_t cid)
{
	struct virtio_vsock *s = vsock_of(d);

	if (cid < VSOCK_CID_MIN || cid > VSOCK_CID_MAX)
		return -EINVAL;
	s->cid = cid;
	virtio_config_changed(&s->v);
	lose_all(s);
	arm(s);
	pump(s, NR_QUEUES);
	return 0;
}

/* 5.10.4: the guest's CID alone. */
static void vsock_config_read(struct virtio *v, uint32_t off, void *buf, uint32_t len)
{
	uint8_t c[8];

	st_le64(c, vsock_of(&v->dev)->cid);
	memcpy(buf, &c[off], len);
}

static void vsock_config_write(struct virtio *v, uint32_t off, const void *buf, uint32_t len)
{
	(void)buf;
	dev_guest_error(&v->dev, "virtio-vsock: write of a field that is not the driver's", off,
			len);
}

/* ---- the class ----------------------------------------------------------------------------------- */

static const struct state_field conn_fields[] = {
	STATE_U(struct conn, state, 0),	    STATE_U(struct conn, service, 0),
	STATE_U(struct conn, owe, 0),	    STATE_U(struct conn, guest_shut, 0),
	STATE_U(struct conn, our_shut, 0),  STATE_B(struct conn, asked, 0),
	STATE_B(struct conn, end_told, 0),  STATE_U(struct conn, guest_port, 0),
	STATE_U(struct conn, host_port, 0), STATE_U(struct conn, buf_alloc, 0),
	STATE_U(struct conn, peer_fwd, 0),  STATE_U(struct conn, sent, 0),
	STATE_U(struct conn, received, 0),  STATE_U(struct conn, fwd, 0),
	STATE_U(struct conn, told, 0),	    STATE_U(struct conn, deadline, 0),
	STATE_U(struct conn, head, 0),	    STATE_U(struct conn, used, 0),
	STATE_RAW(struct conn, buf),	    STATE_END,
};
static const struct state_table conn_table = {"connection", 1, conn_fields};

/* The connections, then what every virtio device has. */
static const struct state_table *vsock_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio_vsock *s = container_of(d, const struct virtio_vsock, v.dev);

	if (i >= VSOCK_CONNS)
		return virtio_part(d, i - VSOCK_CONNS, obj);
	*obj = &s->conn[i];
	return &conn_table;
}

static bool conn_possible(const struct conn *c)
{
	static const uint8_t owed[CONN_STATES] = {0, OWE_REQUEST, 0,
						  OWE_ALL & ~(OWE_REQUEST | OWE_RST), OWE_RST};

	return c->state < CONN_STATES && c->service < SERVICES && c->head < CONN_BUF &&
	       c->used <= CONN_BUF && c->guest_shut <= SHUT_BOTH && c->our_shut <= SHUT_BOTH &&
	       !(c->owe & ~owed[c->state]) && (c->state != DYING || c->owe) &&
	       (c->state == UP || !c->used);
}

static int vsock_post_load(struct dev *d, struct err *err)
{
	struct virtio_vsock *s = vsock_of(d);
	int rc;

	if (s->cid < VSOCK_CID_MIN || s->cid > VSOCK_CID_MAX || s->turn >= VSOCK_CONNS ||
	    s->nr_replies > REPLIES)
		return err_set(err, -EINVAL, "virtio-vsock: saved CID or replies are impossible");
	for (unsigned i = 0; i < VSOCK_CONNS; i++) {
		struct conn *c = &s->conn[i];
		bool peers = c->service == PEER &&
			     (c->state == ASKING || c->state == WAITING || c->state == UP);

		if (!conn_possible(c) || (peers && !s->peer) ||
		    (c->state != FREE && find(s, c->guest_port, c->host_port) != c))
			return err_set(err, -EINVAL,
				       "virtio-vsock: saved connection %u is impossible", i);
	}
	rc = virtio_post_load(d, err);
	if (rc)
		return rc;
	if (s->v.dev.env.clock)
		clock_cancel(s->v.dev.env.clock, &s->timer);
	arm(s);
	/* The host's ends were not saved. The driver is told when the machine runs. */
	if (s->peer) {
		lose_all(s);
		if (s->v.dev.env.clock)
			clock_arm(s->v.dev.env.clock, &s->timer, now(s));
	}
	return 0;
}

static void vsock_reset(struct dev *d)
{
	struct virtio_vsock *s = vsock_of(d);

	virtio_reset(d);
	if (s->peer)
		s->peer->ops->reset(s->peer);
	memset(s->conn, 0, sizeof(s->conn));
	arm(s);
}

static void vsock_fini(struct dev *d)
{
	struct virtio_vsock *s = vsock_of(d);

	if (s->peer)
		s->peer->wake = NULL;
	if (s->v.vc && d->env.clock)
		clock_cancel(d->env.clock, &s->timer);
	virtio_fini(d);
}

static const struct virtio_class vsock_class = {
	.device_id = VSOCK_DEVICE_ID,
	.features = BIT(F_STREAM),
	.nr_queues = NR_QUEUES,
	.queue_max = VSOCK_QUEUE_MAX,
	.config_len = 8,
	.notify = vsock_notify,
	.config_read = vsock_config_read,
	.config_write = vsock_config_write,
};

static int vsock_init(struct dev *d, struct err *err)
{
	struct virtio_vsock *s = vsock_of(d);
	int rc;

	s->cid = s->option_cid;
	if (d->env.vsock && d->env.vsock->wake)
		return err_set(err, -EBUSY,
			       "device virtio-vsock: another one has the other end already");
	s->peer = d->env.vsock;
	clock_timer_init(&s->timer, vsock_late, s);
	rc = virtio_init(d, &vsock_class, err);
	if (rc)
		return rc;
	if (s->peer) {
		s->peer->wake = vsock_wake;
		s->peer->wake_ctx = s;
	}
	vsock_reset(d);
	return 0;
}

static const struct dev_range vsock_ranges[] = {
	{"registers", BUS_MMIO, VSOCK_BASE, VIRTIO_MMIO_LEN},
	{0},
};

static const struct dev_opt vsock_opts[] = {
	{"irq", "interrupt line", offsetof(struct dev, irq_line), VSOCK_IRQ, 0, IOAPIC_PINS - 1},
	{"cid", "the guest's context ID", offsetof(struct virtio_vsock, option_cid), VSOCK_CID_MIN,
	 VSOCK_CID_MIN, VSOCK_CID_MAX},
	{"call", "the guest's port that the device connects to once, to echo; 0: none",
	 offsetof(struct virtio_vsock, call), 0, 0, UINT32_MAX},
	VIRTIO_OPTS,
	{0},
};

static const struct state_field vsock_state[] = {
	VIRTIO_STATE_FIELDS,
	{"cid", STATE_UINT, offsetof(struct virtio_vsock, cid), sizeof(uint64_t), 1, 0,
	 STATE_F_NORESET},
	STATE_B(struct virtio_vsock, called, 0),
	STATE_B(struct virtio_vsock, event_owed, 0),
	STATE_U(struct virtio_vsock, turn, 0),
	STATE_U(struct virtio_vsock, nr_replies, 0),
	STATE_ARR(struct virtio_vsock, reply_cid, 0),
	STATE_ARR(struct virtio_vsock, reply_from, 0),
	STATE_ARR(struct virtio_vsock, reply_to, 0),
	STATE_ARR(struct virtio_vsock, reply_type, 0),
	STATE_END,
};

const struct dev_class dev_class_virtio_vsock = {
	.name = "virtio-vsock",
	.help = "virtio socket device over virtio-mmio: echo on port 7, or the machine's peer",
	.size = sizeof(struct virtio_vsock),
	.version = 1,
	.ranges = vsock_ranges,
	.opts = vsock_opts,
	.state = vsock_state,
	.init = vsock_init,
	.reset = vsock_reset,
	.regs = virtio_mmio_regs,
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
	.part = vsock_part,
	.post_load = vsock_post_load,
	.fini = vsock_fini,
};
