/* SPDX-License-Identifier: MIT */
/*
 * chr: character back ends: where the bytes of a serial port or a console go and come from: a buffer, a
 * file, a terminal of its own (pty), the terminal that Vise runs in, pipes.
 *
 * Guarantees: output is kept up to a bound and counted beyond it, whatever else becomes of it; a file
 * or peer that does not take it never stops the machine for longer than CHR_STALL_MS, what it does not
 * take is counted as lost. Input is a text that is there from the start, or comes from outside through
 * module input with its virtual time, bounded by CHR_FED bytes that the device has not taken yet: a
 * peer that sends more waits. The device takes input when it has room, so runs repeat.
 * The caller promises: the input's memory outlives the chr; the struct input too. Who frees: chr_fini().
 */
#ifndef VMM_CHR_H
#define VMM_CHR_H

#include <vmm/base.h>
#include <vmm/input.h>

#define CHR_KEEP     ((size_t)4 << 20)	  /* bytes of output kept */
#define CHR_FED	     ((size_t)64 << 10)	  /* bytes from outside that wait for the device */
#define CHR_IN_MAX   ((uint64_t)16 << 20) /* bytes of an input file */
#define CHR_STALL_MS 2000		  /* that a peer may keep the machine waiting, once */

struct chr_back;

struct chr {
	struct buf out;	  /* the first CHR_KEEP bytes of what the guest sent; see out.failed */
	uint64_t written; /* bytes in all */
	const uint8_t *in;
	size_t in_len, in_pos;
	/* called with each byte run as it is written, for a terminal; NULL: nobody */
	void (*tee)(void *ctx, const void *p, size_t len);
	void *tee_ctx;
	/* what came by chr_feed() and was not taken: a ring of CHR_FED bytes, made when it is needed */
	uint8_t *fed;
	size_t fed_at, fed_len;
	bool hung_up; /* the other end went away: what is there is all */
	/* the device hears that there is more, or that the other end went away; NULL: it looks itself */
	void (*wake)(void *ctx);
	void *wake_ctx;
	/* chr_open()'s */
	uint64_t lost; /* bytes that the back end did not take */
	int error;     /* the first -errno of that */
	bool loops;    /* what the device sends comes back */
	struct chr_back *back;
	const char *where; /* what a person has to know to reach it: a pty's name; NULL: nothing */
};

/* A buffer: (in) may be NULL where in_len is 0. For a tee set it afterwards. */
void chr_init(struct chr *c, const void *in, size_t in_len);

/*
 * From text:
 *   buf[:TEXT]            output is kept, input is TEXT; in it \n \r \t \\ \0 \xHH
 *   loop                  output is kept and comes back as input
 *   file:OUT[,in=FILE]    output goes to a file, made anew; input is a file's contents
 *   pty                   a terminal of its own; chr.where is its name
 *   stdio                 standard input and output; a terminal is in raw mode meanwhile (Ctrl-C still
 *                         ends the run) and is put back however this process ends
 *   fd:IN[,OUT]           open descriptors of this process; - is none
 *   pipe:IN[,OUT]         named pipes; - is none
 * The last four bring input from outside: under (name), by (in), which may be NULL for the others. In
 * replay nothing of them is opened but standard output.
 * -EINVAL: no such back end, or (in) is missing; or what opening gave.
 */
int chr_open(struct chr *c, const char *text, const char *name, struct input *in, struct err *err);
/* Is what this text names outside input? */
bool chr_is_live(const char *text);
void chr_fini(struct chr *c);

/* From the device to the outside. */
void chr_put(struct chr *c, const void *p, size_t len);

/* The next input byte, or -1 at its end; chr_peek does not take it. */
int chr_get(struct chr *c);
int chr_peek(const struct chr *c);
/* Up to (len) of them; how many. */
size_t chr_take(struct chr *c, void *p, size_t len);
/* How many there are. */
size_t chr_pending(const struct chr *c);

/* Bytes from outside; what has no room (chr_room()) is lost: (out) of it. Then the device is woken. */
size_t chr_room(const struct chr *c);
void chr_feed(struct chr *c, const void *p, size_t len);
/* The other end went away. */
void chr_hang_up(struct chr *c);
/* Who is to hear of it; NULL takes that back, if it is (ctx)'s. */
void chr_set_wake(struct chr *c, void (*wake)(void *ctx), void *ctx);

/* All that a run changes, for snapshots. */
struct chr_snap {
	struct buf out, fed;
	uint64_t written;
	size_t in_pos;
	bool failed, hung_up;
};
int chr_save(struct chr_snap *s, const struct chr *c); /* -ENOMEM */
int chr_load(struct chr *c, const struct chr_snap *s); /* -ENOMEM */
void chr_snap_free(struct chr_snap *s);

#endif
