/* SPDX-License-Identifier: MIT */
/*
 * trace: a ring of typed events (exits, accesses, interrupts, queue events) and their canonical
 * text form, which goldens, hashes, `trace` and `diff` use.
 *
 * Guarantees: putting an event costs a few stores, never allocates, never fails; the oldest are
 * overwritten. A sink sees every event, in order, before it can be overwritten.
 * The caller promises: one thread a ring; a sink does not put into the ring it serves.
 * Who frees: trace_free() for what trace_new() gave.
 */
#ifndef VMM_TRACE_H
#define VMM_TRACE_H

#include <vmm/base.h>

enum trace_kind {
	/* canonical: in goldens, hashes and comparisons */
	TRACE_PIO,  /* addr port, val, size, write */
	TRACE_MMIO, /* addr gpa, val, size, write */
	TRACE_MSR,  /* addr number, val, write, aux 1: ended in #GP */
	TRACE_HLT,
	TRACE_SHUTDOWN, /* triple fault */
	TRACE_END,	/* text: the reason, a word or two */
	/* the rest is shown by `trace -v` only */
	TRACE_INTR, /* KVM_RUN came back for a signal or immediate_exit */
	TRACE_IRQ_WINDOW,
	TRACE_IRQ,	/* addr line, val level */
	TRACE_INJECT,	/* addr vector; aux 1: NMI */
	TRACE_UNMAPPED, /* nothing is there: aux bus space, addr, val, size, write */
	TRACE_EMULATE,	/* an instruction the CPU back end could not run; addr rip */
	TRACE_DEBUG,	/* addr rip, val dr6 */
	TRACE_HOSTOP,	/* the test device asked the machine for something: addr op, val result */
	TRACE_VQ,	/* a queue event: aux enum trace_vq, addr queue, val detail */
	TRACE_DEV,	/* a guest error that a device saw: text says which */
	TRACE_OTHER,	/* an exit with no event of its own: aux the raw reason */
	TRACE_KINDS
};

/* Queue events, in aux of TRACE_VQ; val says more. */
enum trace_vq {
	TRACE_VQ_POP,	 /* val head */
	TRACE_VQ_PUSH,	 /* val head | written << 32 */
	TRACE_VQ_NOTIFY, /* interrupt sent */
	TRACE_VQ_BAD,	 /* a chain was refused: val head | reason << 32 */
	TRACE_VQ_BROKEN, /* the queue needs a reset: val reason */
};

struct trace_event {
	uint8_t kind; /* enum trace_kind */
	uint8_t size; /* bytes of the access */
	bool write;
	uint32_t aux;
	uint64_t addr, val;
	uint64_t time;	  /* virtual ns; 0 where there is no clock */
	uint64_t rip;	  /* 0 where unknown */
	const char *text; /* static string or NULL */
};

typedef void (*trace_sink_fn)(void *ctx, const struct trace_event *ev);

struct trace;

/* A ring of at least (events) events, rounded up to a power of two, 1 to 1 << 20. NULL: no memory.
 */
struct trace *trace_new(unsigned events);
void trace_free(struct trace *t);

/* Forget all events; counters and hash restart; sink stays. */
void trace_clear(struct trace *t);

/* One sink; NULL takes it away. */
void trace_set_sink(struct trace *t, trace_sink_fn fn, void *ctx);

/* Where time and rip of later events come from: pointers read at each put; NULL gives 0. */
void trace_set_sources(struct trace *t, const uint64_t *time, const uint64_t *rip);

/* (t) may be NULL: nothing happens. ev->time and ->rip are filled in from the sources. */
void trace_put(struct trace *t, const struct trace_event *ev);

/* Shorthands for the common kinds. (t) may be NULL. */
void trace_access(struct trace *t, enum trace_kind kind, bool write, unsigned size, uint64_t addr,
		  uint64_t val);
void trace_note(struct trace *t, enum trace_kind kind, uint32_t aux, uint64_t addr, uint64_t val,
		const char *text);

/* How many events were ever put (since trace_clear), and the i-th last (0: the newest), or NULL. */
uint64_t trace_count(const struct trace *t);
const struct trace_event *trace_last(const struct trace *t, unsigned i);

/* The running hash over all canonical events' content (kind, write, size, addr, val, aux, text). */
uint64_t trace_hash(const struct trace *t);

static inline bool trace_is_canonical(const struct trace_event *ev)
{
	return ev->kind <= TRACE_END;
}

/*
 * One line without newline: `pio r|w PORT SIZE VALUE`, `mmio r|w GPA SIZE VALUE`,
 * `msr r|w NUM VALUE [gp]`, `hlt`, `shutdown`, `end REASON`; PORT, GPA, NUM and VALUE in lower-case
 * hex with 0x and no leading zeros, SIZE in decimal. Other kinds begin with a word of their own.
 * Returns what snprintf would.
 */
int trace_format(const struct trace_event *ev, char *out, size_t len);

/* The same with the columns that no golden uses in front: time, rip. */
int trace_format_verbose(const struct trace_event *ev, char *out, size_t len);

/* The bare name of a kind ("pio", "irq-window", ...), for tables and JSON. */
const char *trace_kind_name(enum trace_kind kind);

#endif
