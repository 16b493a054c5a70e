/* SPDX-License-Identifier: MIT */
/* The scripted peer: its text, and what it does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_priv.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

enum action { SEND, LINK, ANNOUNCE, DROP };

/* A byte of a pattern or of what is sent: itself, any, or one of the frame that came. */
#define ITEM_ANY  0x10000000u
#define ITEM_REF  0x20000000u
#define ITEM_MASK 0x0fffffffu

struct items {
	uint32_t *v;
	uint32_t n;
};

struct rule {
	bool at; /* at a time, not on a frame */
	enum action action;
	bool up;
	uint64_t time; /* at: when; on: after */
	struct items pattern, frame;
};

struct script {
	struct net net;
	struct clock_timer timer;
	bool has_peer;
	struct net_peer peer;
	struct rule *rule; /* those at a time first, in order of time */
	unsigned nr, nr_at;
	unsigned next, kept; /* of those at a time */
	uint8_t answer[NET_FRAME_MAX];
};

static struct script *script_of(struct net *n)
{
	return container_of(n, struct script, net);
}

/* ---- the text --------------------------------------------------------------------------------------- */

struct reader {
	const char *name;
	unsigned line;
	const char *s; /* what is left of the line, which ends with NUL */
	struct err *err;
};

static int bad(const struct reader *r, const char *what)
{
	return err_set(r->err, -EINVAL, "%.80s:%u: %s, at '%.30s'", r->name, r->line, what, r->s);
}

static void skip(struct reader *r)
{
	r->s += strspn(r->s, " \t\r");
}

static bool word(struct reader *r, const char *w)
{
	size_t len = strlen(w);

	skip(r);
	if (strncmp(r->s, w, len) || (r->s[len] && !strchr(" \t\r", r->s[len])))
		return false;
	r->s += len;
	return true;
}

static int end(struct reader *r)
{
	skip(r);
	return *r->s ? bad(r, "more than a rule needs") : 0;
}

static int digits(struct reader *r, uint64_t *val)
{
	uint64_t v = 0;

	if (*r->s < '0' || *r->s > '9')
		return bad(r, "no number");
	while (*r->s >= '0' && *r->s <= '9')
		if (mul_wraps(v, 10, &v) || add_wraps(v, (uint64_t)(*r->s++ - '0'), &v))
			return bad(r, "a number of more than 64 bits");
	*val = v;
	return 0;
}

static int time_of(struct reader *r, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ns", 1}, {"us", NS_PER_US}, {"ms", NS_PER_MS}, {"s", NS_PER_S}};

	skip(r);
	if (digits(r, ns))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t len = strlen(units[i].unit);

		if (strncmp(r->s, units[i].unit, len))
			continue;
		r->s += len;
		if (mul_wraps(*ns, units[i].ns, ns))
			return bad(r, "a time of more than 64 bits");
		break;
	}
	if (*r->s && !strchr(" \t\r", *r->s))
		return bad(r, "a time is a number with ns, us, ms or s");
	return 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int put_item(struct reader *r, struct items *it, uint32_t v)
{
	if (it->n == NET_SCRIPT_HEX)
		return bad(r, "more bytes than there may be");
	it->v[it->n++] = v;
	return 0;
}

static int reference(struct reader *r, struct items *it)
{
	uint64_t from, to;

	r->s++;
	if (digits(r, &from))
		return -EINVAL;
	to = from;
	if (*r->s == '-') {
		r->s++;
		if (digits(r, &to))
			return -EINVAL;
	}
	if (to < from || to >= NET_FRAME_MAX)
		return bad(r, "no byte of a frame");
	for (; from <= to; from++)
		if (put_item(r, it, (uint32_t)from | ITEM_REF))
			return -EINVAL;
	return 0;
}

/* Bytes as long as there are some; (any) and (refs): what else than digits there may be. */
static int hex(struct reader *r, struct items *it, bool any, bool refs)
{
	uint32_t all[NET_SCRIPT_HEX];
	int rc = 0;

	*it = (struct items){.v = all};
	for (skip(r); *r->s && !rc; skip(r)) {
		int hi = nibble(r->s[0]), lo = hi < 0 ? -1 : nibble(r->s[1]);

		if (refs && *r->s == '$') {
			rc = reference(r, it);
		} else if (any && r->s[0] == '?' && r->s[1] == '?') {
			rc = put_item(r, it, ITEM_ANY);
			r->s += 2;
		} else if (hi >= 0 && lo >= 0 && strncmp(r->s, "after", 5)) {
			rc = put_item(r, it, (uint32_t)(hi << 4 | lo));
			r->s += 2;
		} else {
			break;
		}
	}
	it->v = NULL;
	if (rc)
		return rc;
	if (!it->n)
		return bad(r, "no bytes");
	it->v = malloc(it->n * sizeof(*it->v));
	if (!it->v)
		return err_set(r->err, -ENOMEM, "no memory for a script");
	memcpy(it->v, all, it->n * sizeof(*it->v));
	return 0;
}

static int parse_at(struct reader *r, struct rule *u)
{
	u->at = true;
	if (time_of(r, &u->time))
		return -EINVAL;
	if (word(r, "announce")) {
		u->action = ANNOUNCE;
	} else if (word(r, "link")) {
		u->action = LINK;
		u->up = word(r, "up");
		if (!u->up && !word(r, "down"))
			return bad(r, "a link goes up or down");
	} else if (word(r, "send")) {
		int rc = hex(r, &u->frame, false, false);

		u->action = SEND;
		if (rc)
			return rc;
		if (u->frame.n < NET_FRAME_MIN)
			return bad(r, "a frame has 14 bytes at least");
	} else {
		return bad(r, "what is done is one of: send link announce");
	}
	return end(r);
}

static int parse_on(struct reader *r, struct rule *u)
{
	int rc = hex(r, &u->pattern, true, false);

	if (rc)
		return rc;
	if (word(r, "drop")) {
		u->action = DROP;
		return end(r);
	}
	if (word(r, "after") && time_of(r, &u->time))
		return -EINVAL;
	if (!word(r, "send"))
		return bad(r, "what is done is one of: send drop");
	u->action = SEND;
	rc = hex(r, &u->frame, false, true);
	return rc ? rc : end(r);
}

static int parse_peer(struct reader *r, struct script *s)
{
	char ip[32] = "", mac[32] = "", more;

	if (s->has_peer)
		return bad(r, "a second peer");
	s->has_peer = true;
	s->peer.ip = NET_PEER_IP;
	memcpy(s->peer.mac, NET_PEER_MAC, NET_MAC);
	if (sscanf(r->s, "%31s %31s %c", ip, mac, &more) == 3)
		return bad(r, "more than a rule needs");
	if ((*ip && net_parse_ip(ip, &s->peer.ip)) || (*mac && net_parse_mac(mac, s->peer.mac)))
		return bad(r, "a peer is A.B.C.D and 00:11:22:33:44:55");
	return 0;
}

static int parse_line(struct reader *r, struct script *s)
{
	struct rule *u = &s->rule[s->nr];

	skip(r);
	if (!*r->s)
		return 0;
	if (word(r, "peer"))
		return parse_peer(r, s);
	if (s->nr == NET_SCRIPT_RULES)
		return bad(r, "more rules than there may be");
	s->nr++;
	*u = (struct rule){0};
	if (word(r, "at"))
		return parse_at(r, u);
	if (word(r, "on"))
		return parse_on(r, u);
	return bad(r, "a rule begins with one of: peer at on");
}

static int parse(struct script *s, const char *name, const char *text, size_t len, struct err *err)
{
	struct reader r = {.name = name, .line = 1, .err = err};
	char *copy = malloc(len + 1), *at = copy, *to;
	int rc = 0;

	if (!copy)
		return err_set(err, -ENOMEM, "no memory for a script");
	/* A NUL is no text: it ends up as what no rule has. */
	for (size_t i = 0; i < len; i++)
		copy[i] = text[i] ? text[i] : '\1';
	copy[len] = '\0';
	for (; at && !rc; at = to) {
		size_t n = strcspn(at, "\n;");
		bool line = at[n] == '\n';

		to = at[n] ? at + n + 1 : NULL;
		at[n] = '\0';
		at[strcspn(at, "#")] = '\0';
		r.s = at;
		rc = parse_line(&r, s);
		r.line += line;
	}
	free(copy);
	return rc;
}

/* Those at a time first, in order of it; the others as they came. */
static int compare(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;

	if (x->at != y->at)
		return x->at ? -1 : 1;
	if (x->at && x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return 0;
}

/* qsort() may change the order of equals. */
static void sort(struct rule *rule, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct rule u = rule[i];
		unsigned j = i;

		for (; j && compare(&rule[j - 1], &u) > 0; j--)
			rule[j] = rule[j - 1];
		rule[j] = u;
	}
}

/* ---- what it does ----------------------------------------------------------------------------------- */

/* The frame that (it) says, with bytes of the one that came; ends where that has none. */
static size_t make(struct script *s, const struct items *it, const uint8_t *from, size_t len)
{
	size_t n = 0;

	for (; n < it->n; n++) {
		uint32_t v = it->v[n];

		if ((v & ITEM_REF) && (v & ITEM_MASK) >= len)
			break;
		s->answer[n] = v & ITEM_REF ? from[v & ITEM_MASK] : (uint8_t)v;
	}
	return n;
}

static void arm_next(struct script *s)
{
	clock_arm(s->net.clock, &s->timer,
		  s->next < s->nr_at ? s->rule[s->next].time : CLOCK_NEVER);
}

static void script_due(void *ctx, uint64_t now)
{
	struct script *s = ctx;

	while (s->next < s->nr_at && s->rule[s->next].time <= now) {
		const struct rule *u = &s->rule[s->next++];

		if (u->action == SEND)
			(void)net_input(&s->net, s->answer, make(s, &u->frame, NULL, 0), NULL, now);
		else
			net_link(&s->net, u->action == ANNOUNCE ? s->net.link_up : u->up,
				 u->action == ANNOUNCE);
	}
	arm_next(s);
}

static bool fits(const struct items *it, const uint8_t *frame, size_t len)
{
	if (it->n > len)
		return false;
	for (uint32_t i = 0; i < it->n; i++)
		if (it->v[i] != ITEM_ANY && it->v[i] != frame[i])
			return false;
	return true;
}

static int script_send(struct net *n, const void *frame, size_t len, const struct net_meta *m)
{
	struct script *s = script_of(n);
	uint64_t due = clock_now(n->clock);
	size_t answer;

	(void)m;
	for (unsigned i = s->nr_at; i < s->nr; i++) {
		const struct rule *u = &s->rule[i];

		if (!fits(&u->pattern, frame, len))
			continue;
		if (u->action == DROP)
			return 0;
		answer = make(s, &u->frame, frame, len);
		if (add_wraps(due, u->time, &due))
			due = CLOCK_NEVER - 1;
		return net_input(n, s->answer, answer, NULL, due);
	}
	answer = s->has_peer ? net_peer_answer(&s->peer, frame, len, s->answer) : 0;
	return answer ? net_input(n, s->answer, answer, NULL, due) : 0;
}

static int script_mark(struct net *n)
{
	script_of(n)->kept = script_of(n)->next;
	return 0;
}

static int script_rewind(struct net *n)
{
	script_of(n)->next = script_of(n)->kept;
	arm_next(script_of(n));
	return 0;
}

static void script_close(struct net *n)
{
	struct script *s = script_of(n);

	clock_cancel(n->clock, &s->timer);
	for (unsigned i = 0; i < s->nr; i++) {
		free(s->rule[i].pattern.v);
		free(s->rule[i].frame.v);
	}
	free(s->rule);
	net_fini(n);
	free(s);
}

static const struct net_ops script_ops = {.name = "script",
					  .send = script_send,
					  .mark = script_mark,
					  .rewind = script_rewind,
					  .close = script_close};

int net_script_new(struct net **out, const char *name, const char *text, size_t len,
		   const struct net_env *env, struct err *err)
{
	struct script *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	*out = NULL;
	if (!s || net_init(&s->net, &script_ops, env)) {
		free(s);
		return err_set(err, r, "no memory for a network");
	}
	clock_timer_init(&s->timer, script_due, s);
	s->rule = calloc(NET_SCRIPT_RULES + 1, sizeof(*s->rule));
	if (!s->rule)
		err_set(err, r, "no memory for a script");
	else if (len > NET_SCRIPT_MAX)
		r = err_set(err, -EINVAL, "%.80s: a script of more than %zu bytes", name,
			    NET_SCRIPT_MAX);
	else
		r = parse(s, name, text, len, err);
	if (r) {
		script_close(&s->net);
		return r;
	}
	sort(s->rule, s->nr);
	while (s->nr_at < s->nr && s->rule[s->nr_at].at)
		s->nr_at++;
	arm_next(s);
	*out = &s->net;
	return 0;
}

int net_script_open(struct net **out, struct net_text *t, const struct net_env *env,
		    struct err *err)
{
	void *text = NULL;
	size_t len;
	int r;

	/* `script:=RULE;RULE...`: the text itself. */
	if (*t->text == '=')
		return net_script_new(out, "script", t->text + 1, strlen(t->text + 1), env, err);
	r = file_read(t->text, NET_SCRIPT_MAX, &text, &len, err);
	r = r ? r : net_script_new(out, t->text, text, len, env, err);
	free(text);
	return r;
}
