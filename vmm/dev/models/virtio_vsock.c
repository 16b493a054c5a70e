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
 * give buffers. Packets to the guest are completed in order; the option `delay` is for the others. With
 * the option `short` some of them carry less than they could, and the rest follows.
 *
 * Bounds: VSOCK_CONNS connections of VSOCK_CONN_BUF bytes each; a doorbell does at most a queue's worth of
 * packets each way; a connection that the guest does not close ends after VSOCK_CLOSE_NS.
 */
#include <errno.h>

#include <vmm/virtio.h>
#include <vmm/virtio_host.h>

#include "vsock_conn.h"

#define VSOCK_DEVICE_ID 19u /* section 5 */
#define VSOCK_QUEUE_MAX 128u
#define VSOCK_BASE	0xd0000000u
#define VSOCK_IRQ	5u

#define REPLIES 16u

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
struct packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port, len, flags, buf_alloc, fwd_cnt;
	uint16_t type, op;
};

struct virtio_vsock {
	struct virtio v;
	uint64_t option_cid, call; /* options */
	uint64_t cid;
	bool called, event_owed;
	uint32_t turn; /* the connection that is looked at first */
	uint32_t nr_replies;
	uint64_t reply_cid[REPLIES]; /* ours, as the guest named it */
	uint32_t reply_from[REPLIES], reply_to[REPLIES];
	uint16_t reply_type[REPLIES];
	struct vsock_table t;
	struct clock_timer timer;
};

static struct virtio_vsock *vsock_of(struct dev *d)
{
	return container_of(d, struct virtio_vsock, v.dev);
}

/* ---- the table ----------------------------------------------------------------------------------- */

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
			     .op = VSOCK_OP_RST};
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

static void on_request(struct virtio_vsock *s, const struct packet *p)
{
	struct vsock_conn *c = vsock_find_free(&s->t);
	int service = vsock_service(&s->t, p->dst_port), r = 0;

	if (!c || service < 0) {
		reply_rst(s, p);
		return;
	}
	if (service == VSOCK_PEER)
		r = s->t.peer->ops->connect(s->t.peer, vsock_number(&s->t, c), p->dst_port);
	if (r && r != -EINPROGRESS) {
		reply_rst(s, p);
		return;
	}
	*c = (struct vsock_conn){.state = r ? VSOCK_WAITING : VSOCK_UP,
				 .service = (uint8_t)service,
				 .owe = r ? 0 : VSOCK_OWE_RESPONSE,
				 .guest_port = p->src_port,
				 .host_port = p->dst_port,
				 .buf_alloc = p->buf_alloc,
				 .peer_fwd = p->fwd_cnt};
}

static void on_data(struct virtio_vsock *s, struct vsock_conn *c, const struct packet *p,
		    const struct virtq_chain *chain)
{
	struct virtq *q = &s->v.q[Q_TX];
	uint32_t tail = (c->head + c->used) % VSOCK_CONN_BUF;
	uint32_t first = p->len < VSOCK_CONN_BUF - tail ? p->len : VSOCK_CONN_BUF - tail;

	if (c->guest_shut & VSOCK_SHUT_SEND) {
		vsock_wrong(&s->t, c, "virtio-vsock: data after the guest's own SHUTDOWN", p->len);
		return;
	}
	/* 5.10.6.3.1: only as much as there is room for. */
	if (p->len > VSOCK_CONN_BUF - c->used) {
		vsock_wrong(&s->t, c, "virtio-vsock: data over the credit", p->len);
		return;
	}
	if (virtq_read(q, chain, HEADER_LEN, &c->buf[tail], first) != first ||
	    virtq_read(q, chain, HEADER_LEN + (uint64_t)first, c->buf, p->len - first) !=
		    p->len - first) {
		vsock_wrong(&s->t, c, "virtio-vsock: data that is not in memory", p->len);
		return;
	}
	c->used += p->len;
	c->received += p->len;
}

/* A packet of an open connection, or of one that the device asked for. */
static void on_packet(struct virtio_vsock *s, struct vsock_conn *c, const struct packet *p,
		      const struct virtq_chain *chain)
{
	bool up = c->state == VSOCK_UP;

	c->buf_alloc = p->buf_alloc;
	c->peer_fwd = p->fwd_cnt;
	if (p->op == VSOCK_OP_RESPONSE && c->state == VSOCK_ASKING &&
	    !(c->owe & VSOCK_OWE_REQUEST)) {
		c->state = VSOCK_UP;
		c->deadline = 0;
		if (c->service == VSOCK_PEER && s->t.peer->ops->accepted)
			s->t.peer->ops->accepted(s->t.peer, vsock_number(&s->t, c));
	} else if (p->op == VSOCK_OP_RW && up) {
		on_data(s, c, p, chain);
	} else if (p->op == VSOCK_OP_SHUTDOWN && up) {
		c->guest_shut |= p->flags & VSOCK_SHUT_BOTH;
	} else if (p->op == VSOCK_OP_CREDIT_REQUEST && up) {
		c->owe |= VSOCK_OWE_CREDIT_UPDATE;
	} else if (p->op != VSOCK_OP_CREDIT_UPDATE || !up) {
		vsock_wrong(&s->t, c,
			    "virtio-vsock: an operation that the connection does not take", p->op);
	}
}

static void receive(struct virtio_vsock *s, const struct virtq_chain *chain)
{
	uint8_t header[HEADER_LEN];
	struct packet p;
	struct vsock_conn *c;
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
	bad = p.type != VSOCK_TYPE_STREAM || p.op == VSOCK_OP_INVALID ||
	      p.op > VSOCK_OP_CREDIT_REQUEST || p.len > chain->out_bytes - HEADER_LEN;
	c = p.dst_cid == VSOCK_CID_HOST ? vsock_find(&s->t, p.src_port, p.dst_port) : NULL;
	if (bad)
		dev_guest_error(&s->v.dev, "virtio-vsock: a packet of no known kind or length",
				(uint64_t)p.type << 16 | p.op, p.len);
	/* A RST is never answered, whatever else is in it. */
	if (p.op == VSOCK_OP_RST) {
		if (c && p.type == VSOCK_TYPE_STREAM)
			vsock_forget(&s->t, c);
	} else if (p.type != VSOCK_TYPE_STREAM || (bad && !c)) {
		reply_rst(s, &p);
	} else if (c && c->state == VSOCK_DYING) {
		/* A RST is owed already. */
	} else if (bad) {
		vsock_finish(&s->t, c, true);
	} else if (c) {
		on_packet(s, c, &p, chain);
	} else if (p.op == VSOCK_OP_REQUEST && p.dst_cid == VSOCK_CID_HOST) {
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
static bool store_data(struct virtio_vsock *s, struct vsock_conn *c, struct virtq_chain *chain,
		       struct packet *p)
{
	uint64_t room = chain->in_bytes - HEADER_LEN;
	uint8_t data[VSOCK_CONN_BUF];
	uint32_t n = vsock_sendable(&s->t, c);

	n = n < room ? n : (uint32_t)room;
	n = n < sizeof(data) ? n : (uint32_t)sizeof(data);
	p->len = (uint32_t)virtio_short(&s->v, n);
	vsock_take(&s->t, c, data, p->len);
	c->sent += p->len;
	p->fwd_cnt = c->fwd;
	return store(s, chain, p, data);
}

static void send_of(struct virtio_vsock *s, struct vsock_conn *c, enum vsock_op op,
		    struct virtq_chain *chain)
{
	struct packet p = {.src_cid = VSOCK_CID_HOST,
			   .src_port = c->host_port,
			   .dst_port = c->guest_port,
			   .type = VSOCK_TYPE_STREAM,
			   .op = (uint16_t)op,
			   .flags = op == VSOCK_OP_SHUTDOWN ? c->our_shut : 0,
			   .buf_alloc = VSOCK_CONN_BUF,
			   .fwd_cnt = c->fwd};
	bool stored = op == VSOCK_OP_RW ? store_data(s, c, chain, &p) : store(s, chain, &p, NULL);

	vsock_paid(c, op);
	if (op == VSOCK_OP_REQUEST)
		c->deadline = vsock_now(&s->t) + VSOCK_CLOSE_NS;
	if (!stored)
		vsock_wrong(&s->t, c, "virtio-vsock: a buffer that is not in memory", op);
	else if (op == VSOCK_OP_RST)
		memset(c, 0, sizeof(*c));
	else
		vsock_settle(&s->t, c);
}

static bool owes(const struct virtio_vsock *s)
{
	if (s->nr_replies)
		return true;
	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (s->t.conn[i].state != VSOCK_FREE &&
		    vsock_next_op(&s->t, &s->t.conn[i], 1) != VSOCK_OP_INVALID)
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
		struct vsock_conn *c = &s->t.conn[n];
		enum vsock_op op =
			c->state == VSOCK_FREE ? VSOCK_OP_INVALID : vsock_next_op(&s->t, c, room);

		if (op == VSOCK_OP_INVALID)
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
	struct vsock_conn *c = vsock_find_free(&s->t);

	if (s->t.peer) {
		while (c && s->t.peer->ops->accept &&
		       s->t.peer->ops->accept(s->t.peer, vsock_number(&s->t, c), &port)) {
			uint32_t from = VSOCK_CALL_PORT + vsock_number(&s->t, c);

			*c = (struct vsock_conn){.state = VSOCK_ASKING,
						 .service = VSOCK_PEER,
						 .owe = VSOCK_OWE_REQUEST,
						 .guest_port = port,
						 .host_port = from};
			c = vsock_find_free(&s->t);
		}
	} else if (port && !s->called && c) {
		s->called = true;
		*c = (struct vsock_conn){.state = VSOCK_ASKING,
					 .service = VSOCK_ECHO,
					 .owe = VSOCK_OWE_REQUEST,
					 .guest_port = port,
					 .host_port = VSOCK_CALL_PORT};
	}
}

static void arm(struct virtio_vsock *s)
{
	uint64_t first = CLOCK_NEVER;

	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (s->t.conn[i].deadline && s->t.conn[i].deadline < first)
			first = s->t.conn[i].deadline;
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
			vsock_settle(&s->t, &s->t.conn[i]);
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
		if (s->t.conn[i].deadline && s->t.conn[i].deadline <= at)
			vsock_finish(&s->t, &s->t.conn[i], true);
	pump(s, NR_QUEUES);
	arm(s);
}

/* Nothing of what was open is any more, and the driver is told when it can be. */
static void lose_all(struct virtio_vsock *s)
{
	if (s->t.peer)
		s->t.peer->ops->reset(s->t.peer);
	memset(s->t.conn, 0, sizeof(s->t.conn));
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

/* The connections, then what every virtio device has. */
static const struct state_table *vsock_part(const struct dev *d, unsigned i, const void **obj)
{
	const struct virtio_vsock *s = container_of(d, const struct virtio_vsock, v.dev);

	if (i >= VSOCK_CONNS)
		return virtio_part(d, i - VSOCK_CONNS, obj);
	*obj = &s->t.conn[i];
	return &vsock_conn_table;
}

static int vsock_post_load(struct dev *d, struct err *err)
{
	struct virtio_vsock *s = vsock_of(d);
	int rc;

	if (s->cid < VSOCK_CID_MIN || s->cid > VSOCK_CID_MAX || s->turn >= VSOCK_CONNS ||
	    s->nr_replies > REPLIES)
		return err_set(err, -EINVAL, "virtio-vsock: saved CID or replies are impossible");
	for (unsigned i = 0; i < VSOCK_CONNS; i++) {
		struct vsock_conn *c = &s->t.conn[i];
		bool peers = c->service == VSOCK_PEER &&
			     (c->state == VSOCK_ASKING || c->state == VSOCK_WAITING ||
			      c->state == VSOCK_UP);

		if (!vsock_conn_possible(c) || (peers && !s->t.peer) ||
		    (c->state != VSOCK_FREE && vsock_find(&s->t, c->guest_port, c->host_port) != c))
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
	if (s->t.peer) {
		lose_all(s);
		if (s->v.dev.env.clock)
			clock_arm(s->v.dev.env.clock, &s->timer, vsock_now(&s->t));
	}
	return 0;
}

static void vsock_reset(struct dev *d)
{
	struct virtio_vsock *s = vsock_of(d);

	virtio_reset(d);
	if (s->t.peer)
		s->t.peer->ops->reset(s->t.peer);
	memset(s->t.conn, 0, sizeof(s->t.conn));
	arm(s);
}

static void vsock_fini(struct dev *d)
{
	struct virtio_vsock *s = vsock_of(d);

	if (s->t.peer)
		s->t.peer->wake = NULL;
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
	s->t.dev = d;
	s->t.peer = d->env.vsock;
	clock_timer_init(&s->timer, vsock_late, s);
	rc = virtio_init(d, &vsock_class, err);
	if (rc)
		return rc;
	if (s->t.peer) {
		s->t.peer->wake = vsock_wake;
		s->t.peer->wake_ctx = s;
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
	VIRTIO_OPT_SHORT,
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
