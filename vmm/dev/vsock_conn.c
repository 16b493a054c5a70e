/* SPDX-License-Identifier: MIT */
/* Connections of the socket device: virtio 1.2 section 5.10.6, but for its queues. */
#include "vsock_conn.h"

unsigned vsock_number(const struct vsock_table *t, const struct vsock_conn *c)
{
	return (unsigned)(c - t->conn);
}

uint64_t vsock_now(const struct vsock_table *t)
{
	return t->dev->env.clock ? clock_now(t->dev->env.clock) : 0;
}

/* ---- the table ----------------------------------------------------------------------------------- */

struct vsock_conn *vsock_find(struct vsock_table *t, uint32_t guest_port, uint32_t host_port)
{
	for (unsigned i = 0; i < VSOCK_CONNS; i++) {
		struct vsock_conn *c = &t->conn[i];

		if (c->state != VSOCK_FREE && c->guest_port == guest_port &&
		    c->host_port == host_port)
			return c;
	}
	return NULL;
}

struct vsock_conn *vsock_find_free(struct vsock_table *t)
{
	for (unsigned i = 0; i < VSOCK_CONNS; i++)
		if (t->conn[i].state == VSOCK_FREE)
			return &t->conn[i];
	return NULL;
}

static void leave_peer(struct vsock_table *t, const struct vsock_conn *c, bool reset)
{
	if (c->service == VSOCK_PEER &&
	    (c->state == VSOCK_UP || c->state == VSOCK_WAITING || c->state == VSOCK_ASKING))
		t->peer->ops->close(t->peer, vsock_number(t, c), reset);
}

void vsock_forget(struct vsock_table *t, struct vsock_conn *c)
{
	leave_peer(t, c, c->our_shut != VSOCK_SHUT_BOTH);
	memset(c, 0, sizeof(*c));
}

void vsock_finish(struct vsock_table *t, struct vsock_conn *c, bool reset)
{
	leave_peer(t, c, reset);
	c->state = VSOCK_DYING;
	c->owe = VSOCK_OWE_RST;
	c->head = 0;
	c->used = 0;
	c->deadline = 0;
}

void vsock_wrong(struct vsock_table *t, struct vsock_conn *c, const char *what, uint64_t val)
{
	dev_guest_error(t->dev, what, c->guest_port, val);
	vsock_finish(t, c, true);
}

/* ---- what stands at the other end ---------------------------------------------------------------- */

/* Bytes that wait for the guest. */
static size_t pending(const struct vsock_table *t, const struct vsock_conn *c)
{
	if (c->state != VSOCK_UP || (c->guest_shut & VSOCK_SHUT_RECEIVE) ||
	    (c->our_shut & VSOCK_SHUT_SEND))
		return 0;
	switch ((enum vsock_service_kind)c->service) {
	case VSOCK_ECHO:
		return c->used;
	case VSOCK_CHARGEN:
		return c->guest_shut ? 0 : VSOCK_CONN_BUF;
	case VSOCK_PEER:
		return t->peer->ops->readable(t->peer, vsock_number(t, c));
	default:
		return 0;
	}
}

static void consumed(struct vsock_conn *c, uint32_t n)
{
	c->head = (c->head + n) % VSOCK_CONN_BUF;
	c->used -= n;
	c->fwd += n;
}

void vsock_take(struct vsock_table *t, struct vsock_conn *c, uint8_t *buf, uint32_t n)
{
	switch ((enum vsock_service_kind)c->service) {
	case VSOCK_ECHO: {
		uint32_t first = n < VSOCK_CONN_BUF - c->head ? n : VSOCK_CONN_BUF - c->head;

		memcpy(buf, &c->buf[c->head], first);
		memcpy(buf + first, c->buf, n - first);
		consumed(c, n);
		break;
	}
	case VSOCK_CHARGEN: /* RFC 864: the printing characters, over and over */
		for (uint32_t i = 0; i < n; i++)
			buf[i] = (uint8_t)(' ' + (c->sent + i) % 95);
		break;
	case VSOCK_PEER:
		t->peer->ops->read(t->peer, vsock_number(t, c), buf, n);
		break;
	default:
		break;
	}
}

/* Bytes from the guest go on to where they are wanted. */
static void pass_on(struct vsock_table *t, struct vsock_conn *c)
{
	if (c->service == VSOCK_ECHO) {
		if (c->guest_shut & VSOCK_SHUT_RECEIVE)
			consumed(c, c->used);
		return;
	}
	while (c->used && c->service == VSOCK_PEER) {
		uint32_t n =
			c->used < VSOCK_CONN_BUF - c->head ? c->used : VSOCK_CONN_BUF - c->head;
		size_t took = t->peer->ops->write(t->peer, vsock_number(t, c), &c->buf[c->head], n);

		if (!took)
			break;
		consumed(c, (uint32_t)took);
	}
	if (c->service != VSOCK_PEER || (c->our_shut & VSOCK_SHUT_RECEIVE))
		consumed(c, c->used);
	if (c->service == VSOCK_PEER && (c->guest_shut & VSOCK_SHUT_SEND) && !c->used &&
	    !c->end_told) {
		c->end_told = true;
		t->peer->ops->end(t->peer, vsock_number(t, c));
	}
}

/* What the host's side has ended by itself: VSOCK_SHUT_*. */
static unsigned host_ended(const struct vsock_table *t, const struct vsock_conn *c)
{
	unsigned said, ended = 0;

	if (c->service != VSOCK_PEER)
		return (c->guest_shut & VSOCK_SHUT_SEND) && !c->used ? VSOCK_SHUT_BOTH : 0;
	said = t->peer->ops->poll(t->peer, vsock_number(t, c));
	if ((said & VSOCK_PEER_ENDED) && !pending(t, c))
		ended |= VSOCK_SHUT_SEND;
	if (said & VSOCK_PEER_DEAF)
		ended |= VSOCK_SHUT_RECEIVE;
	return ended;
}

/* 5.10.6.3: what the guest can take. Its numbers may be anything. */
static uint32_t credit(const struct vsock_conn *c)
{
	uint32_t out = c->sent - c->peer_fwd;

	return out < c->buf_alloc ? c->buf_alloc - out : 0;
}

static void answer(struct vsock_table *t, struct vsock_conn *c)
{
	unsigned said = t->peer->ops->poll(t->peer, vsock_number(t, c));

	if (said & VSOCK_PEER_GONE) {
		vsock_finish(t, c, false);
	} else if (said & VSOCK_PEER_OPEN) {
		c->state = VSOCK_UP;
		c->owe |= VSOCK_OWE_RESPONSE;
	}
}

static bool both_ways_over(const struct vsock_conn *c)
{
	return ((c->guest_shut & VSOCK_SHUT_SEND) || (c->our_shut & VSOCK_SHUT_RECEIVE)) &&
	       ((c->guest_shut & VSOCK_SHUT_RECEIVE) || (c->our_shut & VSOCK_SHUT_SEND));
}

void vsock_settle(struct vsock_table *t, struct vsock_conn *c)
{
	unsigned ended;

	if (c->state == VSOCK_WAITING)
		answer(t, c);
	if (c->state == VSOCK_ASKING && c->service == VSOCK_PEER &&
	    (t->peer->ops->poll(t->peer, vsock_number(t, c)) & VSOCK_PEER_GONE))
		vsock_finish(t, c, false);
	if (c->state != VSOCK_UP)
		return;
	if (c->service == VSOCK_PEER &&
	    (t->peer->ops->poll(t->peer, vsock_number(t, c)) & VSOCK_PEER_GONE)) {
		vsock_finish(t, c, false);
		return;
	}
	pass_on(t, c);
	if (c->guest_shut == VSOCK_SHUT_BOTH && !c->used) {
		vsock_finish(t, c, false);
		return;
	}
	ended = host_ended(t, c) & ~c->our_shut;
	if (ended) {
		c->our_shut |= ended;
		c->owe |= VSOCK_OWE_SHUTDOWN;
	}
	if (both_ways_over(c) && !c->deadline)
		c->deadline = vsock_now(t) + VSOCK_CLOSE_NS;
	/* The guest believes that less than half of our buffer is free, and is wrong. */
	if (c->fwd != c->told && c->received - c->told > VSOCK_CONN_BUF / 2)
		c->owe |= VSOCK_OWE_CREDIT_UPDATE;
	if (credit(c)) {
		c->asked = false;
	} else if (pending(t, c) && !c->asked) {
		c->asked = true;
		c->owe |= VSOCK_OWE_CREDIT_REQUEST;
	}
}

/* ---- what is next -------------------------------------------------------------------------------- */

enum vsock_op vsock_next_op(const struct vsock_table *t, const struct vsock_conn *c, uint64_t room)
{
	if (c->owe & VSOCK_OWE_REQUEST)
		return VSOCK_OP_REQUEST;
	if (c->owe & VSOCK_OWE_RESPONSE)
		return VSOCK_OP_RESPONSE;
	if (c->owe & VSOCK_OWE_RST)
		return VSOCK_OP_RST;
	if (room && credit(c) && pending(t, c))
		return VSOCK_OP_RW;
	if (c->owe & VSOCK_OWE_CREDIT_UPDATE)
		return VSOCK_OP_CREDIT_UPDATE;
	if (c->owe & VSOCK_OWE_CREDIT_REQUEST)
		return VSOCK_OP_CREDIT_REQUEST;
	return c->owe & VSOCK_OWE_SHUTDOWN ? VSOCK_OP_SHUTDOWN : VSOCK_OP_INVALID;
}

uint32_t vsock_sendable(const struct vsock_table *t, const struct vsock_conn *c)
{
	size_t n = pending(t, c);

	return n < credit(c) ? (uint32_t)n : credit(c);
}

void vsock_paid(struct vsock_conn *c, enum vsock_op op)
{
	static const uint8_t bit[] = {[VSOCK_OP_REQUEST] = VSOCK_OWE_REQUEST,
				      [VSOCK_OP_RESPONSE] = VSOCK_OWE_RESPONSE,
				      [VSOCK_OP_RST] = VSOCK_OWE_RST,
				      [VSOCK_OP_SHUTDOWN] = VSOCK_OWE_SHUTDOWN,
				      [VSOCK_OP_RW] = VSOCK_OWE_CREDIT_UPDATE,
				      [VSOCK_OP_CREDIT_UPDATE] = VSOCK_OWE_CREDIT_UPDATE,
				      [VSOCK_OP_CREDIT_REQUEST] = VSOCK_OWE_CREDIT_REQUEST};

	c->owe &= (uint8_t)~bit[op];
	c->told = c->fwd;
}

int vsock_service(const struct vsock_table *t, uint32_t port)
{
	if (t->peer)
		return VSOCK_PEER;
	/* RFC 862, 863, 864 */
	return port == 7 ? VSOCK_ECHO : port == 9 ? VSOCK_DISCARD : port == 19 ? VSOCK_CHARGEN : -1;
}

/* ---- saved -------------------------------------------------------------------------------------------- */

static const struct state_field conn_fields[] = {
	STATE_U(struct vsock_conn, state, 0),	  STATE_U(struct vsock_conn, service, 0),
	STATE_U(struct vsock_conn, owe, 0),	  STATE_U(struct vsock_conn, guest_shut, 0),
	STATE_U(struct vsock_conn, our_shut, 0),  STATE_B(struct vsock_conn, asked, 0),
	STATE_B(struct vsock_conn, end_told, 0),  STATE_U(struct vsock_conn, guest_port, 0),
	STATE_U(struct vsock_conn, host_port, 0), STATE_U(struct vsock_conn, buf_alloc, 0),
	STATE_U(struct vsock_conn, peer_fwd, 0),  STATE_U(struct vsock_conn, sent, 0),
	STATE_U(struct vsock_conn, received, 0),  STATE_U(struct vsock_conn, fwd, 0),
	STATE_U(struct vsock_conn, told, 0),	  STATE_U(struct vsock_conn, deadline, 0),
	STATE_U(struct vsock_conn, head, 0),	  STATE_U(struct vsock_conn, used, 0),
	STATE_RAW(struct vsock_conn, buf),	  STATE_END,
};
const struct state_table vsock_conn_table = {"connection", 1, conn_fields};

bool vsock_conn_possible(const struct vsock_conn *c)
{
	static const uint8_t owed[VSOCK_CONN_STATES] = {
		0, VSOCK_OWE_REQUEST, 0, VSOCK_OWE_ALL & ~(VSOCK_OWE_REQUEST | VSOCK_OWE_RST),
		VSOCK_OWE_RST};

	return c->state < VSOCK_CONN_STATES && c->service < VSOCK_SERVICES &&
	       c->head < VSOCK_CONN_BUF && c->used <= VSOCK_CONN_BUF &&
	       c->guest_shut <= VSOCK_SHUT_BOTH && c->our_shut <= VSOCK_SHUT_BOTH &&
	       !(c->owe & ~owed[c->state]) && (c->state != VSOCK_DYING || c->owe) &&
	       (c->state == VSOCK_UP || !c->used);
}
