/* SPDX-License-Identifier: MIT */
/*
 * A network behind a gateway, by libslirp, on virtual time: IPv4 alone (for IPv6 the library takes
 * random numbers of the host). The library is loaded when it is first asked for: who has no use of it
 * does not pay for loading it.
 *
 * What the library does is a function of the frames it gets and of the times at which it is called. So
 * it is kept for a snapshot as a log of these, and goes back by being made anew and told them again:
 * its own way of saving leaves out its ARP table, what it has queued, and its timers.
 */
#include "net_priv.h"

#include <errno.h>

#include <net_config.h>

#if NET_WITH_SLIRP

#include <dlfcn.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <stdlib.h>

#include <vmm/input.h>

#include "user_service.h"

#define SLIRP_LIBRARY "libslirp.so.0"
#define NS_PER_MS     1000000ull
#define IDLE_MS	      1000u /* what the library says when it waits for nothing */
#define POLL_FDS      INPUT_FDS

/* 10.0.2.0/24 as everyone knows it. */
#define NET_ADDR     0x0a000200u
#define NET_MASK     0xffffff00u
#define GATEWAY_ADDR 0x0a000202u
#define DNS_ADDR     0x0a000203u
#define DHCP_ADDR    0x0a00020fu
#define SERVICE_ADDR 0x0a000264u

/* The log: what it was told since it was made. A longer one cannot be kept. */
#define LOG_BYTES ((size_t)4 << 20)
struct entry {
	uint64_t now;
	uint32_t len; /* 0: its timers alone */
	uint32_t pad;
};

struct calls {
	Slirp *(*new)(const SlirpConfig *, const SlirpCb *, void *);
	void (*cleanup)(Slirp *);
	void (*fill)(Slirp *, uint32_t *, SlirpAddPollCb, void *);
	void (*poll)(Slirp *, int, SlirpGetREventsCb, void *);
	void (*input)(Slirp *, const uint8_t *, int);
	int (*add_guestfwd)(Slirp *, SlirpWriteCb, void *, struct in_addr *, int);
	size_t (*can_recv)(Slirp *, struct in_addr, int);
	void (*recv)(Slirp *, struct in_addr, int, const uint8_t *, int);
};

struct user {
	struct net net;
	struct calls call;
	void *library;
	Slirp *slirp;
	struct clock_timer timer;
	bool open;    /* the host's network too */
	uint64_t now; /* the library's time: the clock's, or the log's while it is told again */
	bool again;
	struct user_service service[USER_SERVICES];
	struct buf log;
	size_t kept;
	uint64_t kept_due;
	/* open: the host's sockets */
	struct input_source *source;
	struct pollfd fds[POLL_FDS];
	unsigned nr_fds;
};

static struct user *user_of(struct net *n)
{
	return container_of(n, struct user, net);
}

/* ---- what the library calls ------------------------------------------------------------------------ */

static ssize_t cb_send_packet(const void *frame, size_t len, void *opaque)
{
	struct user *u = opaque;

	/* With the host's network all of it is recorded, and comes back by user_deliver(). */
	if (u->open)
		(void)input_put(u->source, frame, len);
	/* What was said then is in the queue that net_rewind() brings back. */
	else if (!u->again)
		(void)net_input(&u->net, frame, len, NULL, clock_now(u->net.clock));
	return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
	(void)msg;
	((struct user *)opaque)->net.stats.refused++;
}

static int64_t cb_clock_get_ns(void *opaque)
{
	return (int64_t)((struct user *)opaque)->now;
}

/* Only IPv6 has timers of this kind. */
static void *cb_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
	(void)cb;
	(void)cb_opaque;
	return opaque;
}

static void cb_timer_free(void *timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void cb_timer_mod(void *timer, int64_t expire_time, void *opaque)
{
	(void)timer;
	(void)expire_time;
	(void)opaque;
}

static void cb_poll_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void cb_notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = cb_send_packet,
	.guest_error = cb_guest_error,
	.clock_get_ns = cb_clock_get_ns,
	.timer_new = cb_timer_new,
	.timer_free = cb_timer_free,
	.timer_mod = cb_timer_mod,
	.register_poll_fd = cb_poll_fd,
	.unregister_poll_fd = cb_poll_fd,
	.notify = cb_notify,
};

/* ---- its sockets and timers ------------------------------------------------------------------------- */

static int add_poll(int fd, int events, void *opaque)
{
	struct user *u = opaque;
	short e = 0;

	if (!u->open || u->nr_fds == POLL_FDS)
		return -1;
	e |= (short)(events & SLIRP_POLL_IN ? POLLIN : 0);
	e |= (short)(events & SLIRP_POLL_OUT ? POLLOUT : 0);
	e |= (short)(events & SLIRP_POLL_PRI ? POLLPRI : 0);
	u->fds[u->nr_fds] = (struct pollfd){.fd = fd, .events = e};
	return (int)u->nr_fds++;
}

static int get_revents(int idx, void *opaque)
{
	const struct user *u = opaque;
	short e;
	int r = 0;

	if (idx < 0 || (unsigned)idx >= u->nr_fds)
		return 0;
	e = u->fds[idx].revents;
	r |= e & POLLIN ? SLIRP_POLL_IN : 0;
	r |= e & POLLOUT ? SLIRP_POLL_OUT : 0;
	r |= e & POLLPRI ? SLIRP_POLL_PRI : 0;
	r |= e & POLLERR ? SLIRP_POLL_ERR : 0;
	r |= e & POLLHUP ? SLIRP_POLL_HUP : 0;
	return r;
}

/* What its timers and sockets have; its notion of now, which all machines share, is ours afterwards. */
static void turn(struct user *u)
{
	uint32_t ms = UINT32_MAX;

	u->nr_fds = 0;
	if (u->open)
		u->call.fill(u->slirp, &ms, add_poll, u);
	if (u->nr_fds && poll(u->fds, u->nr_fds, 0) <= 0)
		u->nr_fds = 0;
	u->call.poll(u->slirp, 0, get_revents, u);
}

/* Answers of the services, as much as the connections take. */
static void pump(struct user *u)
{
	const struct in_addr addr = {.s_addr = htonl(SERVICE_ADDR)};

	for (unsigned i = 0; i < USER_SERVICES; i++) {
		struct user_service *s = &u->service[i];
		uint8_t piece[USER_PIECE];

		while (user_service_has(s)) {
			size_t room = u->call.can_recv(u->slirp, addr, user_service_port(i));
			size_t n = user_service_take(s, piece,
						     room < sizeof(piece) ? room : sizeof(piece));

			if (!n)
				break;
			u->call.recv(u->slirp, addr, user_service_port(i), piece, (int)n);
		}
	}
}

/* When it wants to be called again. */
static void arm(struct user *u)
{
	uint32_t ms = UINT32_MAX;
	uint64_t due = CLOCK_NEVER;

	u->nr_fds = 0;
	u->call.fill(u->slirp, &ms, add_poll, u);
	if (ms < IDLE_MS)
		due = u->now + (ms + 1) * NS_PER_MS;
	clock_arm(u->net.clock, &u->timer, due);
}

/* The library is told of a frame (or of none) at (u->now). */
static void tell(struct user *u, const void *frame, size_t len)
{
	turn(u);
	if (len && user_service_watch(u->service, SERVICE_ADDR, frame, len))
		u->call.input(u->slirp, frame, (int)len);
	pump(u);
}

static void note(struct user *u, const void *frame, size_t len)
{
	struct entry e = {.now = u->now, .len = (uint32_t)len};

	if (u->open || u->log.failed)
		return;
	buf_put(&u->log, &e, sizeof(e));
	if (len)
		buf_put(&u->log, frame, len);
}

static int user_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	struct user *u = user_of(n);

	(void)m;
	if (!u->slirp)
		return 0; /* a replay: what came then comes again */
	u->now = clock_now(n->clock);
	note(u, frame, len);
	tell(u, frame, len);
	arm(u);
	return 0;
}

static void user_due(void *ctx, uint64_t now)
{
	struct user *u = ctx;

	u->now = now;
	note(u, NULL, 0);
	tell(u, NULL, 0);
	arm(u);
}

static ssize_t on_data(const void *p, size_t len, void *opaque)
{
	user_service_hear(opaque, p, len);
	return (ssize_t)len;
}

static int make(struct user *u)
{
	const SlirpConfig cfg = {
		.version = 4,
		.restricted = !u->open,
		.in_enabled = true,
		.vnetwork = {htonl(NET_ADDR)},
		.vnetmask = {htonl(NET_MASK)},
		.vhost = {htonl(GATEWAY_ADDR)},
		.vdhcp_start = {htonl(DHCP_ADDR)},
		.vnameserver = {htonl(DNS_ADDR)},
		.vhostname = "vise",
		.disable_host_loopback = true,
		.disable_dns = !u->open,
	};
	struct in_addr addr = {.s_addr = htonl(SERVICE_ADDR)};

	u->slirp = u->call.new(&cfg, &callbacks, u);
	if (!u->slirp)
		return -ENOMEM;
	for (unsigned i = 0; i < USER_SERVICES; i++) {
		u->service[i] = (struct user_service){.http = i == USER_HTTP};
		if (u->call.add_guestfwd(u->slirp, on_data, &u->service[i], &addr,
					 user_service_port(i)))
			return -EINVAL;
	}
	return 0;
}

/* ---- snapshots --------------------------------------------------------------------------------------- */

static int user_mark(struct net *n)
{
	struct user *u = user_of(n);

	if (u->log.failed)
		return -E2BIG;
	u->kept = u->log.len;
	u->kept_due = u->timer.deadline;
	return 0;
}

static int user_rewind(struct net *n)
{
	struct user *u = user_of(n);
	struct entry e;
	int r;

	u->call.cleanup(u->slirp);
	r = make(u);
	if (r)
		return r;
	u->again = true;
	for (size_t at = 0; at < u->kept; at += sizeof(e) + e.len) {
		memcpy(&e, u->log.p + at, sizeof(e));
		u->now = e.now;
		tell(u, u->log.p + at + sizeof(e), e.len);
		arm(u);
	}
	u->again = false;
	u->log.len = u->kept;
	u->log.failed = false;
	clock_arm(n->clock, &u->timer, u->kept_due);
	return 0;
}

/* ---- the host's network: by module input ------------------------------------------------------------ */

static unsigned user_fds(void *ctx, struct pollfd *fds, unsigned max)
{
	struct user *u = ctx;
	uint32_t ms = UINT32_MAX;
	unsigned n;

	u->nr_fds = 0;
	u->call.fill(u->slirp, &ms, add_poll, u);
	n = u->nr_fds < max ? u->nr_fds : max;
	memcpy(fds, u->fds, n * sizeof(*fds));
	return n;
}

static void user_ready(void *ctx, const struct pollfd *fds, unsigned n)
{
	struct user *u = ctx;

	(void)fds;
	(void)n;
	u->now = clock_now(u->net.clock);
	turn(u);
}

static void user_deliver(void *ctx, const void *p, size_t len)
{
	struct user *u = ctx;

	u->net.heard_host = true;
	(void)net_input(&u->net, p, len, NULL, clock_now(u->net.clock));
}

static const struct input_ops user_input = {user_fds, user_ready, user_deliver};

/* ---- making ------------------------------------------------------------------------------------------- */

static int load(struct user *u, struct err *err)
{
	static const struct {
		const char *name;
		size_t off;
	} symbols[] = {
		{"slirp_new", offsetof(struct calls, new)},
		{"slirp_cleanup", offsetof(struct calls, cleanup)},
		{"slirp_pollfds_fill", offsetof(struct calls, fill)},
		{"slirp_pollfds_poll", offsetof(struct calls, poll)},
		{"slirp_input", offsetof(struct calls, input)},
		{"slirp_add_guestfwd", offsetof(struct calls, add_guestfwd)},
		{"slirp_socket_can_recv", offsetof(struct calls, can_recv)},
		{"slirp_socket_recv", offsetof(struct calls, recv)},
	};

	/* It stays: the libraries that it needs are not made to be unloaded. */
	u->library = dlopen(SLIRP_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!u->library)
		return err_set(err, -ENOTSUP,
			       "network user: " SLIRP_LIBRARY " is not there: install the package "
			       "libslirp0");
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *f = dlsym(u->library, symbols[i].name);

		if (!f)
			return err_set(err, -ENOTSUP,
				       "network user: " SLIRP_LIBRARY " has no %s: it is older "
				       "than 4.7",
				       symbols[i].name);
		memcpy((char *)&u->call + symbols[i].off, &f, sizeof(f));
	}
	return 0;
}

int net_has_user(void)
{
	void *library = dlopen(SLIRP_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (!library)
		return -ENOENT;
	(void)dlclose(library);
	return 1;
}

static void user_close(struct net *n)
{
	struct user *u = user_of(n);

	clock_cancel(n->clock, &u->timer);
	if (u->slirp)
		u->call.cleanup(u->slirp);
	if (u->library)
		(void)dlclose(u->library);
	buf_free(&u->log);
	net_fini(n);
	free(u);
}

static const struct net_ops user_ops = {.name = "user",
					.send = user_send,
					.mark = user_mark,
					.rewind = user_rewind,
					.close = user_close};

int net_user_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	struct user *u;
	uint64_t open = 0;
	int r = net_opt_u64(t, "open", 1, &open, err);

	if (r)
		return r;
	if (open && !env->input)
		return err_set(err, -ENOTSUP,
			       "network user,open=1: here nothing may come from outside");
	u = calloc(1, sizeof(*u));
	if (!u || net_init(&u->net, &user_ops, env)) {
		free(u);
		return err_set(err, -ENOMEM, "no memory for a network");
	}
	clock_timer_init(&u->timer, user_due, u);
	u->log.max = LOG_BYTES;
	u->open = open;
	u->net.live = open && input_mode(env->input) != INPUT_REPLAY;
	u->now = clock_now(env->clock);
	if (!open || u->net.live) {
		r = load(u, err);
		if (!r && make(u))
			r = err_set(err, -ENOMEM, "network user: libslirp does not start");
	}
	if (!r && open)
		r = input_add(env->input, &u->source, "user", &user_input, u, err);
	if (r) {
		user_close(&u->net);
		return r;
	}
	*out = &u->net;
	return 0;
}

#else

int net_has_user(void)
{
	return 0;
}

int net_user_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	(void)out;
	(void)t;
	(void)env;
	return err_set(err, -ENOTSUP,
		       "network user: this program was built without libslirp: install the package "
		       "libslirp-dev and build Vise again");
}

#endif
