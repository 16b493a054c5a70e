/* SPDX-License-Identifier: MIT */
/*
 * A capture is played to the device: the first frame at time 0, the others as much later as they were
 * captured. Records that are no frame (too short, too long, or cut by the one who captured) are left
 * out; time that goes back is no time. What the device sends is gone.
 */
#include <errno.h>
#include <stdlib.h>

#include "net_priv.h"

struct play {
	struct net net;
	struct clock_timer timer;
	void *file;
	struct pcap at, kept; /* kept: by a mark; at the record that is next */
	uint64_t start;	      /* the first record's time */
	uint64_t next, kept_next;
};

static struct play *play_of(struct net *n)
{
	return container_of(n, struct play, net);
}

static bool is_frame(const struct pcap_record *r)
{
	return r->len >= NET_FRAME_MIN && r->len <= NET_FRAME_MAX && r->len == r->orig;
}

/* The next frame of the file, without taking it; its time is no less than (next). */
static bool peek(struct play *p, struct pcap_record *r)
{
	struct pcap at = p->at;
	uint64_t t;

	/* The file was judged whole: there is no error. */
	while (pcap_next(&at, r, NULL) == 1) {
		if (is_frame(r)) {
			t = r->ns > p->start ? r->ns - p->start : 0;
			p->next = t > p->next ? t : p->next;
			return true;
		}
		p->at = at;
	}
	p->next = CLOCK_NEVER;
	return false;
}

static void play_due(void *ctx, uint64_t now)
{
	struct play *p = ctx;
	struct pcap_record r;

	while (peek(p, &r) && p->next <= now) {
		(void)net_input(&p->net, r.data, r.len, NULL, now);
		(void)pcap_next(&p->at, &r, NULL);
	}
	clock_arm(p->net.clock, &p->timer, p->next);
}

static int play_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	(void)n;
	(void)frame;
	(void)len;
	(void)m;
	return 0;
}

static int play_mark(struct net *n)
{
	struct play *p = play_of(n);

	p->kept = p->at;
	p->kept_next = p->next;
	return 0;
}

static int play_rewind(struct net *n)
{
	struct play *p = play_of(n);

	p->at = p->kept;
	p->next = p->kept_next;
	clock_arm(n->clock, &p->timer, p->next);
	return 0;
}

static void play_close(struct net *n)
{
	struct play *p = play_of(n);

	clock_cancel(n->clock, &p->timer);
	net_fini(n);
	free(p->file);
	free(p);
}

static const struct net_ops play_ops = {.name = "pcap",
					.send = play_send,
					.mark = play_mark,
					.rewind = play_rewind,
					.close = play_close};

/* Every record is whole; the first one's time is the start. */
static int judge(struct play *p, const char *path, size_t len, struct err *err)
{
	struct pcap_record r;
	struct pcap at;
	int rc = pcap_open(&p->at, p->file, len, err);

	at = p->at;
	while (!rc && (rc = pcap_next(&at, &r, err)) == 1) {
		if (at.record == 1)
			p->start = r.ns;
		rc = 0;
		if (at.pos == at.len)
			break;
	}
	return rc ? err_prefix(err, "network pcap:%.100s", path) : 0;
}

int net_play_new(struct net **out, struct net_text *t, const struct net_env *env, struct err *err)
{
	struct play *p = calloc(1, sizeof(*p));
	struct err own = {0};
	struct pcap_record r;
	size_t len;
	int rc;

	err = err ? err : &own; /* its code is built upon */
	if (!p || net_init(&p->net, &play_ops, env)) {
		free(p);
		return err_set(err, -ENOMEM, "no memory for a network");
	}
	clock_timer_init(&p->timer, play_due, p);
	rc = file_read(t->text, PCAP_FILE_MAX, &p->file, &len, err);
	rc = rc ? rc : judge(p, t->text, len, err);
	if (rc) {
		play_close(&p->net);
		return rc;
	}
	(void)peek(p, &r);
	clock_arm(env->clock, &p->timer, p->next);
	*out = &p->net;
	return 0;
}
