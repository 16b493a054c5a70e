/* SPDX-License-Identifier: MIT */
/*
 * A tap interface of the host. What comes from it enters by module input, so it is recorded and
 * replayed; in a replay no interface is opened, and what the device sends is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vmm/input.h>

#include "net_priv.h"

#define TUN_FILE "/dev/net/tun"
#define BURST	 64u /* frames that are taken at a tick */

struct tap {
	struct net net;
	int fd; /* -1: a replay */
	struct input_source *source;
	uint8_t frame[NET_FRAME_MAX + 1];
};

static struct tap *tap_of(struct net *n)
{
	return container_of(n, struct tap, net);
}

static unsigned tap_fds(void *ctx, struct pollfd *fds, unsigned max)
{
	struct tap *t = ctx;

	if (!max)
		return 0;
	*fds = (struct pollfd){.fd = t->fd, .events = POLLIN};
	return 1;
}

static void tap_ready(void *ctx, const struct pollfd *fds, unsigned n)
{
	struct tap *t = ctx;

	(void)fds;
	(void)n;
	for (unsigned i = 0; i < BURST; i++) {
		ssize_t len = read(t->fd, t->frame, sizeof(t->frame));

		if (len <= 0)
			return;
		if (input_put(t->source, t->frame, (size_t)len))
			t->net.stats.overrun++;
	}
}

static void tap_deliver(void *ctx, const void *p, size_t len)
{
	struct tap *t = ctx;

	t->net.heard_host = true;
	(void)net_input(&t->net, p, len, NULL, clock_now(t->net.clock));
}

static const struct input_ops tap_input = {tap_fds, tap_ready, tap_deliver};

static int tap_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	struct tap *t = tap_of(n);

	(void)m;
	if (t->fd < 0)
		return 0;
	return write(t->fd, frame, len) == (ssize_t)len ? 0 : -EIO;
}

static void tap_close(struct net *n)
{
	struct tap *t = tap_of(n);

	if (t->fd >= 0)
		(void)close(t->fd);
	net_fini(n);
	free(t);
}

static const struct net_ops tap_ops = {.name = "tap", .send = tap_send, .close = tap_close};

static int tap_open(struct tap *t, const char *ifname, struct err *err)
{
	struct ifreq req = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	if (snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", ifname) >= (int)sizeof(req.ifr_name))
		return err_set(err, -EINVAL, "network tap:%.40s: a name has %zu bytes at most",
			       ifname, sizeof(req.ifr_name) - 1);
	t->fd = open(TUN_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return err_set(err, -errno,
			       "network tap:%.40s: cannot open " TUN_FILE ": %s (it needs the "
			       "driver tun, and rights to it)",
			       ifname, strerror(errno));
	if (ioctl(t->fd, TUNSETIFF, &req))
		return err_set(err, -errno,
			       "network tap:%.40s: %s: make it for yourself, as root: ip tuntap "
			       "add dev %.40s mode tap user $USER",
			       ifname, strerror(errno), ifname);
	return 0;
}

int net_tap_new(struct net **out, struct net_text *text, const struct net_env *env, struct err *err)
{
	char name[INPUT_NAME];
	struct tap *t;
	int r = 0;

	if (!env->input)
		return err_set(err, -ENOTSUP,
			       "network tap:%.40s: here nothing may come from outside", text->text);
	t = calloc(1, sizeof(*t));
	if (!t || net_init(&t->net, &tap_ops, env)) {
		free(t);
		return err_set(err, -ENOMEM, "no memory for a network");
	}
	t->fd = -1;
	/* A replay repeats. */
	t->net.live = input_mode(env->input) != INPUT_REPLAY;
	if (t->net.live)
		r = tap_open(t, text->text, err);
	(void)snprintf(name, sizeof(name), "tap:%.26s", text->text);
	r = r ? r : input_add(env->input, &t->source, name, &tap_input, t, err);
	if (r) {
		tap_close(&t->net);
		return r;
	}
	*out = &t->net;
	return 0;
}
