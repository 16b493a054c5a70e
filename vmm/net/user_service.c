/* SPDX-License-Identifier: MIT */
/* The services behind the user network's gateway. */
#include <stdio.h>
#include <stdlib.h>

#include "net_priv.h"
#include "user_service.h"

#define ETH_HEADER 14u
#define IP_HEADER  20u
#define TCP_HEADER 20u
#define TCP_SYN	   0x02u
#define TCP_ACK	   0x10u
#define LINE	   64u /* bytes of a line of the body */

void user_service_reset(struct user_service *s)
{
	s->head = s->tail = 0;
	s->request_len = s->ends = 0;
	s->body = s->body_at = 0;
}

/* ---- what is said ------------------------------------------------------------------------------- */

static void put(struct user_service *s, const void *p, size_t len)
{
	if (s->head == s->tail) {
		s->head = s->tail = 0;
	} else if (s->tail + len > USER_UNREAD) {
		memmove(s->out, s->out + s->head, s->tail - s->head);
		s->tail -= s->head;
		s->head = 0;
	}
	if (len > USER_UNREAD - s->tail)
		len = USER_UNREAD - s->tail;
	memcpy(s->out + s->tail, p, len);
	s->tail += (uint32_t)len;
}

static void answer(struct user_service *s)
{
	char head[192], *end;
	uint64_t n = 0;
	int len;
	bool good =
		!strncmp(s->request, "GET /", 5) && s->request[5] >= '0' && s->request[5] <= '9';

	if (good) {
		n = strtoull(s->request + 5, &end, 10);
		good = (*end == ' ' || !*end) && n <= USER_BODY_MAX;
	}
	/* A request takes the place of what is left of the answer to the one before. */
	s->head = s->tail = 0;
	s->body = good ? n : 0;
	s->body_at = 0;
	len = snprintf(head, sizeof(head),
		       "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: %llu\r\n"
		       "Connection: close\r\n\r\n",
		       good ? "200 OK" : "404 Not Found", (unsigned long long)s->body);
	put(s, head, (size_t)len);
	s->request_len = s->ends = 0;
}

static void hear_http(struct user_service *s, uint8_t c)
{
	static const char empty[] = "\r\n\r\n";

	if (!s->ends && c != '\r') {
		if (s->request_len < USER_REQUEST - 1)
			s->request[s->request_len++] = (char)c;
		s->request[s->request_len] = '\0';
		return;
	}
	/* The first line is known; what follows counts for its end alone. */
	if (c == (uint8_t)empty[s->ends & 3])
		s->ends++;
	else
		s->ends = c == '\r' ? 9 : 8;
	if (s->ends == 4 || s->ends == 12)
		answer(s);
}

void user_service_hear(struct user_service *s, const uint8_t *p, size_t len)
{
	if (!s->http) {
		put(s, p, len);
		return;
	}
	for (size_t i = 0; i < len; i++)
		hear_http(s, p[i]);
}

bool user_service_has(const struct user_service *s)
{
	return s->head < s->tail || s->body_at < s->body;
}

/* Byte (i) of a body: lines of letters and digits, no two beside each other alike. */
static uint8_t pattern(uint64_t i)
{
	static const char letters[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (i % LINE == LINE - 1)
		return '\n';
	return (uint8_t)letters[(i + i / LINE) % (sizeof(letters) - 1)];
}

size_t user_service_take(struct user_service *s, uint8_t *p, size_t room)
{
	size_t n = s->tail - s->head;

	n = n < room ? n : room;
	memcpy(p, s->out + s->head, n);
	s->head += (uint32_t)n;
	while (n < room && s->body_at < s->body)
		p[n++] = pattern(s->body_at++);
	return n;
}

/* ---- connections ---------------------------------------------------------------------------------- */

bool user_service_watch(struct user_service *all, uint32_t addr, const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETH_HEADER, *tcp;
	struct user_service *s = NULL;
	uint32_t header;

	if (len < ETH_HEADER + IP_HEADER + TCP_HEADER || net_be16(frame + 12) != NET_TYPE_IP4 ||
	    ip[0] >> 4 != 4 || ip[9] != NET_PROTO_TCP || net_be32(ip + 16) != addr)
		return true;
	header = (ip[0] & 15u) * 4;
	if (ETH_HEADER + header + TCP_HEADER > len)
		return true;
	tcp = ip + header;
	if ((tcp[13] & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return true;
	for (unsigned i = 0; i < USER_SERVICES; i++)
		if (net_be16(tcp + 2) == user_service_port(i))
			s = &all[i];
	if (!s)
		return true;
	if (s->opened == USER_CONNECTIONS)
		return false;
	s->opened++;
	user_service_reset(s);
	return true;
}
