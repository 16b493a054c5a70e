/* SPDX-License-Identifier: MIT */
/*
 * user_service: what answers behind the user network's gateway without a socket: echo (RFC 862) and as
 * much of HTTP as fetches N bytes. One connection a port at a time: another one takes the service over.
 *
 * Bounds: USER_UNREAD bytes of an echo that the guest has not read yet, what comes beyond is dropped;
 * USER_CONNECTIONS in all, as the library keeps what its end never closes: a SYN more is dropped.
 */
#ifndef NET_USER_SERVICE_H
#define NET_USER_SERVICE_H

#include <vmm/net.h>

#define USER_PIECE	 4096u
#define USER_UNREAD	 65536u
#define USER_REQUEST	 128u /* bytes of a request's first line */
#define USER_BODY_MAX	 (1ull << 30)
#define USER_CONNECTIONS 1024u

enum { USER_ECHO, USER_HTTP, USER_SERVICES };

struct user_service {
	bool http;
	unsigned opened;
	/* echo: what has to go back; http: the header of the answer */
	uint32_t head, tail;
	uint8_t out[USER_UNREAD];
	/* http */
	char request[USER_REQUEST];
	uint32_t request_len, ends; /* ends: how much of the empty line has come */
	uint64_t body, body_at;
};

static inline int user_service_port(unsigned i)
{
	return i == USER_HTTP ? 80 : 7;
}

void user_service_reset(struct user_service *s);
/* The guest sent this on the connection. */
void user_service_hear(struct user_service *s, const uint8_t *p, size_t len);
/* Is there something to be sent, and the next (room) bytes of it; 0: no. */
bool user_service_has(const struct user_service *s);
size_t user_service_take(struct user_service *s, uint8_t *p, size_t room);
/* A frame that the guest sends: connections to (addr) begin by it. False: it is to be dropped. */
bool user_service_watch(struct user_service *all, uint32_t addr, const uint8_t *frame, size_t len);

#endif
