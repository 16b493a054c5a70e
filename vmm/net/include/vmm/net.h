/* SPDX-License-Identifier: MIT */
/*
 * net: network back ends: what is at the other end of a network device's cable.
 * [hostile: fuzz/targets/pcap.c] [hostile: fuzz/targets/dev_net.c]
 *
 * A device sends by net_send() and hears by its struct net_receiver, which may refuse a frame: it waits
 * then in the back end's queue, which has a bound, until the device says net_resume(). What comes to a
 * full queue is dropped and counted.
 *
 * Guarantees: frames are NET_FRAME_MIN to NET_FRAME_MAX bytes, in both directions, checked here; a back
 * end sees real frames (checksums complete, segments of a wire's size) unless it says that it takes
 * metadata, and a receiver the same. Time is virtual: all but the live back ends (`live`) do the same in
 * every run. Nothing is allocated for a frame. A file is read whole before the first frame; what a
 * guest sends never makes anything grow beyond a stated bound.
 * The caller promises: the clock outlives the net; one thread; a receiver calls nothing here but
 * net_link(), and is taken away (net_receive(n, NULL, NULL)) before its memory goes.
 * Who frees: net_close().
 */
#ifndef VMM_NET_H
#define VMM_NET_H

#include <vmm/base.h>
#include <vmm/clock.h>

#define NET_FRAME_MIN	14u    /* an Ethernet header */
#define NET_FRAME_MAX	65550u /* and as much as IP can carry */
#define NET_QUEUE	256u   /* frames that wait for the device */
#define NET_QUEUE_BYTES 262144u
#define NET_SEGMENTS	1024u /* frames that one large frame becomes, at most */
#define NET_MAC		6u

struct input;

/* ---- what comes with a frame: the fields of virtio-net's header (virtio 1.2 section 5.1.6) ------- */

#define NET_NEEDS_CSUM                                                                             \
	1u /* flags: the checksum from csum_start on goes to csum_start + csum_offset */
#define NET_DATA_VALID 2u /* flags: the checksums are known to be right */

enum net_gso { NET_GSO_NONE = 0, NET_GSO_TCP4 = 1, NET_GSO_UDP = 3, NET_GSO_TCP6 = 4 };
#define NET_GSO_ECN 0x80u /* or'ed to a TCP one: CWR is for the first segment */

struct net_meta {
	uint8_t flags;
	uint8_t gso;	   /* enum net_gso */
	uint16_t gso_size; /* payload bytes of a segment */
	uint16_t csum_start, csum_offset;
};

/* What a receiver takes beside real frames. */
#define NET_TAKES_CSUM 1u /* NET_NEEDS_CSUM in frames */
#define NET_TAKES_TSO4 2u
#define NET_TAKES_TSO6 4u
#define NET_TAKES_ECN  8u

/* frame.c: the work of an offload in software, usable alone. */

/* The ones' complement sum of (len) bytes, added to (sum); net_csum_fold() makes the field of it. */
uint32_t net_csum_add(uint32_t sum, const void *p, size_t len);
uint16_t net_csum_fold(uint32_t sum);
/* Complete the checksum that (m) asks for. -EINVAL: the field does not lie in the frame. */
int net_csum_complete(void *frame, size_t len, const struct net_meta *m);
/* A number of the frame's flow, by addresses and ports; the same in both directions. */
uint32_t net_flow(const void *frame, size_t len);
/*
 * Cut a large TCP frame into frames of at most gso_size bytes of payload with all their checksums, and
 * (put) each, made in (room) of NET_FRAME_MAX bytes. -EINVAL: it is not what (m) says, or would be
 * more than NET_SEGMENTS; nothing was put then. Else what (put) returned if not 0.
 */
int net_segment(const void *frame, size_t len, const struct net_meta *m, void *room,
		int (*put)(void *ctx, const void *frame, size_t len), void *ctx);

/* ---- the cable ------------------------------------------------------------------------------------ */

struct net;

struct net_receiver {
	/*
	 * A frame for the device. 0: taken, or dropped by the device; -EAGAIN: there is no room now, say
	 * net_resume() when there is.
	 */
	int (*frame)(void *ctx, const void *frame, size_t len, const struct net_meta *m);
	/* What it takes beside real frames now: NET_TAKES_*. NULL: nothing. */
	unsigned (*takes)(void *ctx);
	/* The link went up or down, or (announce) others should hear of the guest again. NULL: no ear. */
	void (*link)(void *ctx, bool up, bool announce);
};

/* A back end. All return 0 or -errno. */
struct net_ops {
	const char *name;
	/* From the device; what it says to that goes by net_input(). */
	int (*send)(struct net *n, const void *frame, size_t len, const struct net_meta *m);
	/* Remember this state (one at a time), and go back to it. NULL: there is nothing to remember. */
	int (*mark)(struct net *n);
	int (*rewind)(struct net *n);
	void (*close)(struct net *n);
};

struct net_stats {
	uint64_t sent, sent_bytes;	   /* by the device, as the back end got them */
	uint64_t received, received_bytes; /* taken by the device */
	uint64_t bad;	  /* sent: not what the metadata says, or no frame at all */
	uint64_t refused; /* sent: the back end had no use or no room for it */
	uint64_t overrun; /* to the device: the queue was full */
};

struct net_queue;
struct net_pcap_out;

/* Begins every back end's instance. */
struct net {
	const struct net_ops *ops;
	struct clock *clock;
	bool live;	 /* what comes is outside input: a run does not repeat */
	bool heard_host; /* ... and some of it came */
	bool link_up;
	bool takes_meta; /* the back end wants frames as the device sent them */
	struct net_stats stats;
	/* private to net.c */
	const struct net_receiver *rx;
	void *rx_ctx;
	bool delivering, sending;
	struct clock_timer timer;
	struct net_queue *queue;
	struct net_pcap_out *out;
	uint8_t *room; /* where frames are made: NET_FRAME_MAX bytes */
};

/* What back ends are made with. */
struct net_env {
	struct clock *clock;
	struct input *input; /* of live back ends; NULL: there can be none */
};

/*
 * From text:
 *   null                         what is sent is gone
 *   loop[,delay=NS][,meta=1]     what is sent comes back, after NS of virtual time; with meta=1 as it
 *                                was sent, large frames and open checksums too
 *   peer[,ip=A.B.C.D][,mac=M]    answers ARP and ICMP echo as one host, 10.0.2.2 and 52:55:0a:00:02:02
 *                                unless told
 *   script:FILE                  a peer that does what a file says: net_script.h
 *   pcap:FILE                    plays what was captured, at the capture's pace from time 0 on
 *   user[,open=1]                a network behind a gateway 10.0.2.2, by libslirp: DHCP, ping of the
 *                                gateway, TCP to 10.0.2.100, port 7 (echo) and port 80 (HTTP: GET /N
 *                                gives N bytes of a pattern). open=1: the host's network too: live
 *   tap:IFNAME                   a tap interface of the host: live
 * and behind any of them `,out=FILE`: a capture of what was sent and received, there when it is closed.
 * -EINVAL names what is wrong; -ENOENT, -EACCES, ... of a file; -ENOTSUP: built without it, or the
 * library is not there.
 */
int net_open(struct net **out, const char *spec, const struct net_env *env, struct err *err);
void net_close(struct net *n); /* NULL: nothing */

/* The device at this end; NULL: none any more. One at a time: -EBUSY. */
int net_receive(struct net *n, const struct net_receiver *rx, void *ctx);
/* There is room again (or the device came up): what waits is offered again, as much as it takes. */
void net_resume(struct net *n);

/* How many frames wait, whether due or not. */
unsigned net_waiting(const struct net *n);

/*
 * A frame from the device; dropped (and counted) where it is bad, or the link is down. (m) may be NULL.
 * The answer of a back end without delay is with the receiver when this returns.
 */
void net_send(struct net *n, const void *frame, size_t len, const struct net_meta *m);

/* Is there libslirp: 1, 0 not in this build, -ENOENT in the build but not on this host. */
int net_has_user(void);

/*
 * For snapshots: keep what is now, so that net_rewind() brings it back, any number of times, until the
 * next net_mark(). The clock is set back first. -ENOTSUP: a live one cannot.
 */
int net_mark(struct net *n, struct err *err);
int net_rewind(struct net *n, struct err *err);

/* ---- for back ends ---------------------------------------------------------------------------------- */

/*
 * A frame to the device at (due), now or later; it waits in the queue until then, and is lost when the
 * link is down then. Frames of one time keep their order. -ENOBUFS: the queue is full; -EMSGSIZE: no frame.
 */
int net_input(struct net *n, const void *frame, size_t len, const struct net_meta *m, uint64_t due);
/* The link goes up or down; announce: the device is to tell its peers of itself. */
void net_link(struct net *n, bool up, bool announce);

#endif
