/* SPDX-License-Identifier: MIT */
/* vise trace: the stream of exits of a run. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"

#define LINE 320

struct trace_opts {
	struct guest_opts g;
	const char *chrome;
};

static const struct opt opts[] = {
	GUEST_OPTS(struct trace_opts),
	{"chrome", 0, OPT_STR, offsetof(struct trace_opts, chrome), "FILE",
	 "write a Chrome trace (for Perfetto) as well", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

struct sink {
	const struct trace_opts *o;
	struct buf chrome;
	uint64_t events;
};

static void put_json(const struct trace_event *ev)
{
	struct buf b = {0};

	buf_printf(&b, "{\"kind\":\"%s\",\"canonical\":%s,\"write\":%s,\"size\":%u",
		   trace_kind_name(ev->kind), trace_is_canonical(ev) ? "true" : "false",
		   ev->write ? "true" : "false", ev->size);
	buf_printf(&b,
		   ",\"addr\":%" PRIu64 ",\"val\":%" PRIu64 ",\"aux\":%" PRIu32 ",\"time\":%" PRIu64
		   ",\"rip\":%" PRIu64 ",\"text\":",
		   ev->addr, ev->val, ev->aux, ev->time, ev->rip);
	if (ev->text)
		buf_put_json(&b, ev->text, strlen(ev->text));
	else
		buf_printf(&b, "null");
	printf("%s}\n", buf_str(&b));
	buf_free(&b);
}

/* Trace Event Format: an instant event each, on a row a kind; its time is in microseconds. */
static void put_chrome(struct sink *s, const struct trace_event *ev, const char *line)
{
	buf_printf(&s->chrome, "%s\n{\"name\":", s->events ? "," : "");
	buf_put_json(&s->chrome, line, strlen(line));
	buf_printf(&s->chrome,
		   ",\"cat\":\"%s\",\"ph\":\"i\",\"s\":\"t\",\"pid\":1,\"tid\":%u,\"ts\":%" PRIu64
		   ".%03u}",
		   trace_kind_name(ev->kind), ev->kind + 1u, ev->time / 1000,
		   (unsigned)(ev->time % 1000));
}

static void on_event(void *ctx, const struct trace_event *ev)
{
	struct sink *s = ctx;
	char line[LINE];

	if (s->o->chrome) {
		trace_format(ev, line, sizeof(line));
		put_chrome(s, ev, line);
	}
	s->events++;
	if (s->o->g.json) {
		put_json(ev);
	} else if (s->o->g.verbose) {
		trace_format_verbose(ev, line, sizeof(line));
		puts(line);
	} else if (trace_is_canonical(ev)) {
		trace_format(ev, line, sizeof(line));
		puts(line);
	}
}

static int finish_chrome(struct sink *s, struct err *err)
{
	int rc;

	if (!s->o->chrome)
		return 0;
	buf_printf(&s->chrome, "\n]}\n");
	if (s->chrome.failed)
		rc = err_set(err, -1, "%s: the trace is too long", s->o->chrome);
	else
		rc = file_write(s->o->chrome, buf_str(&s->chrome), s->chrome.len, err);
	buf_free(&s->chrome);
	return rc;
}

static int run(void *opt, int argc, char **argv)
{
	struct sink sink = {.o = opt};
	const struct trace_opts *o = opt;
	struct vm_result res = {0};
	struct cli_guest g;
	struct err err = {0};
	struct vm *vm;
	int st;

	st = cli_guest_open(&g, &o->g, argc, argv, &err);
	if (st)
		return cli_fail(st, "%s", err.msg);
	g.spec.want_rip = o->g.verbose || o->g.json || o->chrome;
	st = cli_guest_start(&g, &vm, &err);
	if (st) {
		cli_guest_close(&g);
		return cli_fail(st, "%s", err.msg);
	}
	if (o->chrome)
		buf_printf(&sink.chrome, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
	trace_set_sink(vm_trace(vm), on_event, &sink);
	cli_guest_run(&g, vm, &res);
	fflush(stdout);
	if (!o->g.quiet)
		cli_result_line(&g, &res, stderr);
	st = res.status;
	if (finish_chrome(&sink, &err))
		st = cli_fail(ST_START, "%s", err.msg);
	vm_free(vm);
	cli_guest_close(&g);
	return st;
}

const struct cmd cmd_trace = {
	.name = "trace",
	.args = "[GUEST]",
	.summary = "print the stream of exits of a run",
	.text = "Runs GUEST as `vise run` does and prints one line an event, in the canonical form\n"
		"that goldens hold: pio, mmio, msr, hlt, shutdown, end. The output is a golden, and\n"
		"a script for --cpu script:FILE.\n"
		"\n"
		"-v shows all events, with their time and rip in columns that no golden has. --json\n"
		"gives one object an event. --chrome writes a file that Perfetto opens.",
	.opts = opts,
	.max_args = 1,
	.size = sizeof(struct trace_opts),
	.run = run,
};
