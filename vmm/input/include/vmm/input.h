/* SPDX-License-Identifier: MIT */
/*
 * input: every byte from outside the machine (terminals, pipes, network packets, seeds) enters here,
 * with its virtual time: live, live and recorded, or replayed from a recording.
 * [hostile: fuzz/targets/input_log.c]
 *
 * Live, the host is asked at ticks of virtual time; what a source has there is delivered at that time,
 * in one piece. Recording writes the same down; replay delivers the same bytes at the same times and
 * asks no host. A delivery comes after every other timer of its instant, so the order in which timers
 * were armed does not matter, and a run and its replay do the same.
 *
 * Guarantees: no source waits; what is queued has a bound; a recording that is read may be hostile: it
 * is judged whole before any of it is used, and what does not fit the run is said, by name and time.
 * The file of a recording appears under its name when it is closed, whole.
 * The caller promises: the clock outlives the input; sources are added before input_start(); their
 * context lives until input_free(). A callback calls nothing here but input_put() and input_end().
 * Who frees: input_free().
 */
#ifndef VMM_INPUT_H
#define VMM_INPUT_H

#include <poll.h>

#include <vmm/base.h>
#include <vmm/clock.h>

#define INPUT_TICK    100000u		  /* virtual ns between two looks at the host */
#define INPUT_SOURCES 24		  /* at most */
#define INPUT_FDS     64		  /* that are waited for at once, over all sources */
#define INPUT_MSG     ((size_t)128 << 10) /* bytes of one message at most */
#define INPUT_QUEUE   ((size_t)1 << 20)	  /* bytes of a source's messages that wait for the tick */
#define INPUT_NAME    32		  /* bytes of a source's name with its NUL */
#define INPUT_LOG_MAX ((uint64_t)1 << 30) /* bytes of a recording */

enum input_mode { INPUT_LIVE, INPUT_RECORD, INPUT_REPLAY };

struct input;
struct input_source;

struct input_ops {
	/*
	 * Not in replay: the descriptors to look at, at most (max) of them; how many. One that could not
	 * be taken from now (no room) is left out: it comes again when there is room. NULL: none; (ready)
	 * is called at every tick then.
	 */
	unsigned (*fds)(void *ctx, struct pollfd *fds, unsigned max);
	/* Not in replay: some of them are ready: take what is there by input_put(), without waiting. */
	void (*ready)(void *ctx, const struct pollfd *fds, unsigned n);
	/* In every mode: (len) bytes as they were put, at their time. len 0: the end, no more comes. */
	void (*deliver)(void *ctx, const void *p, size_t len);
};

/* Live or to be recorded: (path) is the recording to be made, or NULL. -errno of its making. */
int input_new(struct input **out, struct clock *clock, const char *record, struct err *err);
/* A replay of what was recorded. -EINVAL: this is no recording, or it is not whole: (err) says where. */
int input_replay(struct input **out, struct clock *clock, const char *path, struct err *err);
/* The same from (len) bytes, which are copied. */
int input_replay_bytes(struct input **out, struct clock *clock, const void *p, size_t len,
		       struct err *err);
/* NULL is fine. A recording that is not closed leaves no file. */
void input_free(struct input *in);

enum input_mode input_mode(const struct input *in);
/* Virtual ns between two ticks, from 1,000 on; INPUT_TICK unless it is set before input_start(). */
void input_set_tick(struct input *in, uint64_t ns);
/*
 * Called at the end of each live tick, and when input_fault() or input_over() have something to say:
 * whoever runs the machine stops it there if it has to.
 */
void input_set_hook(struct input *in, void (*fn)(void *ctx), void *ctx);

/*
 * Another source; its name is what the recording knows it by. -EEXIST: the name is taken, -E2BIG: too
 * many, -EINVAL: too long, or there is no such source in the recording.
 */
int input_add(struct input *in, struct input_source **out, const char *name,
	      const struct input_ops *ops, void *ctx, struct err *err);
/*
 * A message of (len) bytes, 1 to INPUT_MSG, from outside: it is delivered at the next tick, at the one
 * that is being done if (ready) puts it. -ENOBUFS: the queue is full and the message is dropped;
 * -EPIPE: after the end; -EMSGSIZE; -ENOMEM. In replay nothing is taken: 0.
 */
int input_put(struct input_source *s, const void *p, size_t len);
/* No more will come. */
void input_end(struct input_source *s);

/*
 * Something from outside that is no stream, such as a seed: recorded under its name, and in replay
 * *val becomes what was recorded. Before input_start(). -EINVAL: the recording has another one there.
 */
int input_value(struct input *in, const char *name, uint64_t *val, struct err *err);

/*
 * All sources are there: from now on there are ticks. (identity) is a hash of the machine as it
 * starts: -EINVAL when the recording is of another machine, or has other sources.
 */
int input_start(struct input *in, uint64_t identity, struct err *err);

/* Does something come from outside, so that the run does not repeat? Not if it is recorded. */
bool input_is_live(const struct input *in);
/* Is the host asked at all: live or recorded, and there are sources? */
bool input_asks_host(const struct input *in);
/* The clock was set: the timer is armed anew. Replay goes to where the recording is at that time. */
void input_rearm(struct input *in);

/*
 * A CPU waits, and the next timer but ours is due at (until), CLOCK_NEVER: there is none. Live: wait on
 * the host for as long as that is away, at most (max_ms) of them, 0: no matter how long; our timer is
 * armed for where the time has come to if something is there, else out of the way. Replay: nothing is
 * waited for. 0: let the clock go on to its next timer; -ENODATA: nothing can come, and there is no
 * timer; -ETIME: (max_ms) are over; -EINTR: a signal came.
 */
int input_wait(struct input *in, uint64_t until, uint64_t max_ms);
/* The deadline of the first timer that is not ours. */
uint64_t input_next_other(const struct input *in);

/* Why the run cannot go on as it is, or NULL: replay diverged, or the recording cannot be written. */
const char *input_fault(const struct input *in);
/* Replay: the recording was closed in the middle of the run, and that is where we are. */
bool input_over(const struct input *in);

/*
 * The run ended by itself: (result) is a hash of the machine. Recorded; in replay it is compared, with
 * the time: -EILSEQ and what differs.
 */
int input_finish(struct input *in, uint64_t result, struct err *err);
/* Close the recording: it gets its name. Nothing in the other modes. -errno of the writing. */
int input_close(struct input *in, struct err *err);

#endif
