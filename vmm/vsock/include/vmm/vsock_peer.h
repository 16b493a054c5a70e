/* SPDX-License-Identifier: MIT */
/*
 * vsock_peer: who stands at the other end of a virtio socket device: the host's side of stream
 * connections between the guest (CID from the device) and the host (CID 2).
 *
 * A connection has a number, below VSOCK_CONNS: the place it has in the device's table. The device
 * chooses it, in connect() and accept(), and lets it go by close(); until then the peer keeps it.
 *
 * Guarantees to a peer: calls name open connections only, but for connect(), accept() and reset();
 * one thread. A peer guarantees: no call blocks; what comes from outside the machine comes in between
 * two instructions, at its virtual time, and is then told by wake(), never from inside of a call.
 * A peer is not part of a saved machine: after a load the device resets what was open with it.
 * Who frees: whoever made it, by vsock_peer_free(), after the device.
 */
#ifndef VMM_VSOCK_PEER_H
#define VMM_VSOCK_PEER_H

#include <vmm/base.h>
#include <vmm/input.h>

#define VSOCK_CONNS    16u /* connections at most, a device */
#define VSOCK_CID_HOST 2u  /* virtio 1.2 section 5.10.4 */
#define VSOCK_CALL_PORT                                                                            \
	1024u /* the host's port of connection n that the host asked for is this + n */

/* What poll() says of a connection. */
#define VSOCK_PEER_OPEN	 1u /* connected: connect()'s answer, if that was -EINPROGRESS */
#define VSOCK_PEER_ENDED 2u /* no more bytes than there are now will come */
#define VSOCK_PEER_DEAF	 4u /* it takes no more bytes */
#define VSOCK_PEER_GONE	 8u /* refused, reset or broken: nothing more is to be had from it */

struct vsock_peer;

struct vsock_peer_ops {
	const char *name;
	/* The guest asks for (port): 0 yes, -EINPROGRESS poll() will tell, another -errno no. */
	int (*connect)(struct vsock_peer *p, unsigned conn, uint32_t port);
	/* Somebody on the host asks for the guest's *port: true, and it is (conn) now. May be NULL. */
	bool (*accept)(struct vsock_peer *p, unsigned conn, uint32_t *port);
	unsigned (*poll)(struct vsock_peer *p, unsigned conn);
	/* How many bytes wait for the guest, and take (len) of them, not more than that. */
	size_t (*readable)(struct vsock_peer *p, unsigned conn);
	void (*read)(struct vsock_peer *p, unsigned conn, void *buf, size_t len);
	/* Bytes from the guest; how many were taken. */
	size_t (*write)(struct vsock_peer *p, unsigned conn, const void *buf, size_t len);
	/* An answer to accept(): the guest took it. May be NULL. */
	void (*accepted)(struct vsock_peer *p, unsigned conn);
	/* The guest will send nothing more. */
	void (*end)(struct vsock_peer *p, unsigned conn);
	/* Over; (reset): not in good order. The number is free. */
	void (*close)(struct vsock_peer *p, unsigned conn, bool reset);
	/* All that are open are over. */
	void (*reset)(struct vsock_peer *p);
	void (*free)(struct vsock_peer *p);
};

/* Begins every peer. */
struct vsock_peer {
	const struct vsock_peer_ops *ops;
	/* Set by the device: look again. */
	void (*wake)(void *ctx);
	void *wake_ctx;
};

/*
 * By text: "echo": the services that the device itself has, *out is NULL; "unix:PATH": the host's
 * Unix sockets: the guest's connection to port N goes to PATH_N; who connects to PATH and sends
 * "CONNECT N\n" is connected to the guest's port N and gets "OK M\n". Their bytes come in through (in),
 * before input_start(); a recording holds them. -EINVAL: the text; -EADDRINUSE and others of bind().
 */
int vsock_peer_open(struct vsock_peer **out, const char *text, struct input *in, struct err *err);

static inline void vsock_peer_wake(struct vsock_peer *p)
{
	if (p->wake)
		p->wake(p->wake_ctx);
}

static inline void vsock_peer_free(struct vsock_peer *p)
{
	if (p)
		p->ops->free(p);
}

#endif
