/* SPDX-License-Identifier: MIT */
/*
 * Connections of the socket device (virtio 1.2 section 5.10.6): their table, the two buffers' credit, what
 * is owed to the guest, and who is at the other end: services of our own, or the machine's vsock peer.
 * No queue is known here: models/virtio_vsock.c takes packets from one and puts them into another.
 *
 * A connection is settled after anything that may have changed it; what it then owes the guest
 * vsock_next_op() says, packet by packet.
 */
#ifndef VMM_DEV_VSOCK_CONN_H
#define VMM_DEV_VSOCK_CONN_H

#include <vmm/dev.h>
#include <vmm/vsock_peer.h>

#define VSOCK_CONN_BUF 4096u /* what buf_alloc says to the guest */
/* 5.10.6.6: virtual time without a RST after both ends are over, or an answer to our REQUEST. */
#define VSOCK_CLOSE_NS 2000000000ull

enum vsock_op {
	VSOCK_OP_INVALID,
	VSOCK_OP_REQUEST,
	VSOCK_OP_RESPONSE,
	VSOCK_OP_RST,
	VSOCK_OP_SHUTDOWN,
	VSOCK_OP_RW,
	VSOCK_OP_CREDIT_UPDATE,
	VSOCK_OP_CREDIT_REQUEST,
};
#define VSOCK_TYPE_STREAM 1u
/* Flags of SHUTDOWN, 5.10.6.6 */
#define VSOCK_SHUT_RECEIVE 1u
#define VSOCK_SHUT_SEND	   2u
#define VSOCK_SHUT_BOTH	   3u

enum vsock_conn_state {
	VSOCK_FREE,
	VSOCK_ASKING,  /* we sent REQUEST, or owe it */
	VSOCK_WAITING, /* the guest did, the peer has not answered */
	VSOCK_UP,
	VSOCK_DYING, /* nothing but the RST that is owed */
	VSOCK_CONN_STATES,
};
enum vsock_service_kind { VSOCK_PEER, VSOCK_ECHO, VSOCK_DISCARD, VSOCK_CHARGEN, VSOCK_SERVICES };

/* Packets without data that are owed to the guest, a bit each; sent in this order. */
#define VSOCK_OWE_REQUEST	 1u
#define VSOCK_OWE_RESPONSE	 2u
#define VSOCK_OWE_RST		 4u
#define VSOCK_OWE_CREDIT_UPDATE	 8u
#define VSOCK_OWE_CREDIT_REQUEST 16u
#define VSOCK_OWE_SHUTDOWN	 32u
#define VSOCK_OWE_ALL		 63u

struct vsock_conn {
	uint8_t state, service, owe;
	uint8_t guest_shut, our_shut; /* VSOCK_SHUT_* that each side said */
	bool asked;		      /* for credit, since there was none */
	bool end_told;		      /* the peer knows that the guest sends nothing more */
	uint32_t guest_port, host_port;
	uint32_t buf_alloc, peer_fwd; /* what the guest said of its buffer */
	uint32_t sent;		      /* bytes to it */
	uint32_t received, fwd, told; /* bytes from it; gone on; what it knows of that */
	uint64_t deadline;	      /* virtual ns, 0: none */
	uint32_t head, used;	      /* of buf: bytes from the guest that wait */
	uint8_t buf[VSOCK_CONN_BUF];
};

struct vsock_table {
	struct dev *dev;
	struct vsock_peer *peer; /* NULL: the services */
	struct vsock_conn conn[VSOCK_CONNS];
};

unsigned vsock_number(const struct vsock_table *t, const struct vsock_conn *c);
uint64_t vsock_now(const struct vsock_table *t);
/* By its ports, and a place that is free; NULL: there is none. */
struct vsock_conn *vsock_find(struct vsock_table *t, uint32_t guest_port, uint32_t host_port);
struct vsock_conn *vsock_find_free(struct vsock_table *t);
/* Who answers on the host's (port): a VSOCK_* service, or -1: nobody. */
int vsock_service(const struct vsock_table *t, uint32_t port);

/* It is over: the guest knows; the guest is told by a RST; and that because of what the guest did. */
void vsock_forget(struct vsock_table *t, struct vsock_conn *c);
void vsock_finish(struct vsock_table *t, struct vsock_conn *c, bool reset);
void vsock_wrong(struct vsock_table *t, struct vsock_conn *c, const char *what, uint64_t val);

/* What is owed now, and passes on what the guest sent. */
void vsock_settle(struct vsock_table *t, struct vsock_conn *c);
/* What is next for the guest; VSOCK_OP_INVALID: nothing. (room): for data, in the guest's buffer. */
enum vsock_op vsock_next_op(const struct vsock_table *t, const struct vsock_conn *c, uint64_t room);
/* It was sent. */
void vsock_paid(struct vsock_conn *c, enum vsock_op op);
/* The bytes that can be sent to the guest now, and take (n) of them. */
uint32_t vsock_sendable(const struct vsock_table *t, const struct vsock_conn *c);
void vsock_take(struct vsock_table *t, struct vsock_conn *c, uint8_t *buf, uint32_t n);

extern const struct state_table vsock_conn_table;
/* Can there be such a one? After a load. */
bool vsock_conn_possible(const struct vsock_conn *c);

#endif
