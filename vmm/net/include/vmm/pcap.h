/* SPDX-License-Identifier: MIT */
/*
 * pcap: capture files, read and written: the classic format of tcpdump, both byte orders, micro- and
 * nanoseconds, Ethernet.
 * [hostile: fuzz/targets/pcap.c]
 *
 * Guarantees: reading looks at no byte beyond the end and allocates nothing; each record is judged
 * whole before it is given out. The caller promises: the bytes live as long as the reader.
 */
#ifndef VMM_PCAP_H
#define VMM_PCAP_H

#include <vmm/base.h>

#define PCAP_FILE_HEADER   24u
#define PCAP_RECORD_HEADER 16u
#define PCAP_ETHERNET	   1u /* the link type */
#define PCAP_FILE_MAX	   ((uint64_t)256 << 20)

struct pcap {
	const uint8_t *p;
	size_t len, pos;
	bool swapped; /* the numbers are big-endian */
	bool nano;    /* times are in seconds and nanoseconds, not microseconds */
	uint32_t snaplen;
	uint64_t record; /* number of the one that is next, from 0 */
};

struct pcap_record {
	uint64_t ns;	    /* time of its capture since 1970; it wraps in 2554 */
	uint32_t len, orig; /* bytes that are there, and that there were on the wire */
	const uint8_t *data;
};

/* -EINVAL: it is no capture, of another version, or not of Ethernet: (err) says which. */
int pcap_open(struct pcap *c, const void *p, size_t len, struct err *err);
/* 1: a record; 0: the end; -EINVAL: the record is cut short, or longer than there can be. */
int pcap_next(struct pcap *c, struct pcap_record *r, struct err *err);

/* The headers of a file that is written: little-endian, nanoseconds, Ethernet. */
void pcap_put_header(uint8_t h[PCAP_FILE_HEADER], uint32_t snaplen);
void pcap_put_record(uint8_t h[PCAP_RECORD_HEADER], uint64_t ns, uint32_t len);

#endif
