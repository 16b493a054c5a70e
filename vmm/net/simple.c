/* SPDX-License-Identifier: MIT */
/* The back ends without a state of their own: null, loop and peer. */
#include <errno.h>
#include <stdlib.h>

#include "net_priv.h"

struct simple {
	struct net net;
	uint64_t delay;
	struct net_peer peer;
	uint8_t answer[]; /* NET_FRAME_MAX bytes, of the peer */
};

static struct simple *simple_of(struct net *n)
{
	return container_of(n, struct simple, net);
}

static void simple_close(struct net *n)
{
	net_fini(n);
	free(simple_of(n));
}

static int simple_new(struct net **out, const struct net_ops *ops, size_t room,
		      const struct net_env *env, struct err *err)
{
	struct simple *s = calloc(1, sizeof(*s) + room);

	if (!s || net_init(&s->net, ops, env)) {
		free(s);
		return err_set(err, -ENOMEM, "no memory for a network");
	}
	*out = &s->net;
	return 0;
}

/* ---- null ----------------------------------------------------------------------------------------- */

static int null_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	(void)n;
	(void)frame;
	(void)len;
	(void)m;
	return 0;
}

static const struct net_ops null_ops = {.name = "null", .send = null_send, .close = simple_close};

int net_null_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	(void)t;
	return simple_new(out, &null_ops, 0, env, err);
}

/* ---- loop ----------------------------------------------------------------------------------------- */

static int loop_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	uint64_t due = clock_now(n->clock);

	if (add_wraps(due, simple_of(n)->delay, &due))
		due = CLOCK_NEVER - 1;
	return net_input(n, frame, len, m, due);
}

static const struct net_ops loop_ops = {.name = "loop", .send = loop_send, .close = simple_close};

int net_loop_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	uint64_t delay = 0, meta = 0;
	int r = net_opt_u64(t, "delay", UINT64_MAX, &delay, err);

	r = r ? r : net_opt_u64(t, "meta", 1, &meta, err);
	r = r ? r : simple_new(out, &loop_ops, 0, env, err);
	if (r)
		return r;
	simple_of(*out)->delay = delay;
	(*out)->takes_meta = meta;
	return 0;
}

/* ---- peer ----------------------------------------------------------------------------------------- */

static int peer_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	struct simple *s = simple_of(n);
	size_t answer = net_peer_answer(&s->peer, frame, len, s->answer);

	(void)m;
	return answer ? net_input(n, s->answer, answer, NULL, clock_now(n->clock)) : 0;
}

static const struct net_ops peer_ops = {.name = "peer", .send = peer_send, .close = simple_close};

int net_peer_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	struct net_peer p = {.ip = NET_PEER_IP, .mac = {0}};
	const char *ip = net_opt(t, "ip"), *mac = net_opt(t, "mac");
	int r;

	memcpy(p.mac, NET_PEER_MAC, NET_MAC);
	if (ip && net_parse_ip(ip, &p.ip))
		return err_set(err, -EINVAL, "network: ip=%.40s is no A.B.C.D", ip);
	if (mac && net_parse_mac(mac, p.mac))
		return err_set(err, -EINVAL, "network: mac=%.40s is no 00:11:22:33:44:55", mac);
	r = simple_new(out, &peer_ops, NET_FRAME_MAX, env, err);
	if (!r)
		simple_of(*out)->peer = p;
	return r;
}
