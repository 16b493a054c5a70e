/* SPDX-License-Identifier: MIT */
/*
 * net_script: what a scripted peer does, as text. A line is a rule; `#` begins a comment.
 *
 *   peer [A.B.C.D [M]]               answer ARP and ICMP echo as this host, unless a rule below answers
 *   at T send HEX                    at virtual time T (ns, or with us, ms, s) a frame to the device
 *   at T link up|down                the cable is plugged in or pulled
 *   at T announce                    the device is asked to announce itself
 *   on HEX [after T] send HEX        when a frame comes that begins with HEX; `??` stands for any byte
 *   on HEX drop                      nothing is said to it, by the peer neither
 * HEX is pairs of hex digits with blanks anywhere between pairs; in what `on` sends, `$N` is byte N
 * (decimal) of the frame that came, and `$N-M` are bytes N to M. A frame shorter than NET_FRAME_MIN
 * is an error; one of an `on` rule is cut where the frame that came has no such byte, and not sent if
 * it is too short then. The first `on` rule that fits is taken.
 *
 * Bounds: NET_SCRIPT_MAX bytes, NET_SCRIPT_RULES rules, NET_SCRIPT_HEX bytes of a pattern or a frame.
 */
#ifndef VMM_NET_SCRIPT_H
#define VMM_NET_SCRIPT_H

#include <vmm/net.h>

#define NET_SCRIPT_MAX	 ((size_t)1 << 20)
#define NET_SCRIPT_RULES 256u
#define NET_SCRIPT_HEX	 1600u

/* A scripted peer from (len) bytes of text. -EINVAL: "NAME:LINE: what is wrong". -ENOMEM. */
int net_script_new(struct net **out, const char *name, const char *text, size_t len,
		   const struct net_env *env, struct err *err);

#endif
