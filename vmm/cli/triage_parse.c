/* SPDX-License-Identifier: MIT */
/*
 * vise triage: what a replay program's words mean. It is our own program, but what it prints may hold
 * bytes of a guest: lines are cut to their room, nothing is taken for a format.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "triage.h"

const char *triage_kind_name(enum triage_kind k)
{
	static const char *const names[TRIAGE_KINDS] = {
		[TRIAGE_CLEAN] = "clean",     [TRIAGE_ORACLE] = "oracle",
		[TRIAGE_ASSERT] = "assert",   [TRIAGE_UBSAN] = "ubsan",
		[TRIAGE_ASAN] = "asan",	      [TRIAGE_LEAK] = "leak",
		[TRIAGE_TIMEOUT] = "timeout", [TRIAGE_MEMORY] = "memory",
		[TRIAGE_SIGNAL] = "signal"};

	return (unsigned)k < TRIAGE_KINDS ? names[k] : "?";
}

/* The rest of the line behind (key), which is in (log), cut to its room. False: it is not there. */
static bool line_after(const char *log, const char *key, char *out, size_t room)
{
	const char *p = strstr(log, key);
	size_t n;

	if (!p)
		return false;
	p += strlen(key);
	n = strcspn(p, "\n");
	n = n < room - 1 ? n : room - 1;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

/* The whole line that (key) is in. */
static bool line_with(const char *log, const char *key, char *out, size_t room)
{
	const char *p = strstr(log, key);

	if (!p)
		return false;
	while (p > log && p[-1] != '\n')
		p--;
	return line_after(p, "", out, room);
}

/* Numbers become N, so that two findings that differ in them alone are one. */
static void put_plain(char *out, size_t room, const char *text)
{
	size_t n = strlen(out);

	while (*text && n + 1 < room) {
		bool hex = text[0] == '0' && text[1] == 'x' && isxdigit((unsigned char)text[2]);

		if (hex || (isdigit((unsigned char)*text) &&
			    (n == 0 || !isalnum((unsigned char)out[n - 1])))) {
			text += hex ? 2 : 0;
			while (hex ? isxdigit((unsigned char)*text) : isdigit((unsigned char)*text))
				text++;
			out[n++] = 'N';
		} else {
			out[n++] = *text++;
		}
	}
	out[n] = '\0';
}

/* "vmm/virtq/split.c:12:3" in a longer path: where our own part of it begins, or NULL. */
static const char *our_source(const char *path)
{
	static const char *const tops[] = {"vmm/", "harness/", "fuzz/"};
	const char *best = NULL;

	for (unsigned i = 0; i < ARRAY_SIZE(tops); i++) {
		const char *p = strstr(path, tops[i]);

		if (p && (p == path || p[-1] == '/' || p[-1] == ' ') && (!best || p < best))
			best = p;
	}
	return best;
}

/*
 * The first frame "    #1 0x... in FUNCTION /path/vmm/dev/x.c:10:5" that is in a module; else in a
 * target. Frames of the second stack (where it was freed) come later and are not looked at.
 */
static void find_place(const char *log, char *out, size_t room)
{
	char line[512], in[160];
	bool any = false;

	for (const char *p = log; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		const char *src, *fn;
		size_t n = strcspn(p, "\n");

		if (n >= sizeof(line))
			n = sizeof(line) - 1;
		memcpy(line, p, n);
		line[n] = '\0';
		fn = strstr(line, " in ");
		if (strncmp(line + strspn(line, " "), "#", 1) != 0 || !fn) {
			/* An empty line ends a stack. */
			if (any && !line[strspn(line, " ")])
				return;
			continue;
		}
		src = our_source(fn);
		if (!src)
			continue;
		(void)snprintf(in, sizeof(in), "%.*s %.*s", (int)strcspn(fn + 4, " "), fn + 4,
			       (int)strcspn(src, " "), src);
		if (!any)
			(void)snprintf(out, room, "%s", in);
		any = true;
		if (strncmp(src, "fuzz/", 5) != 0) {
			(void)snprintf(out, room, "%s", in);
			return;
		}
	}
}

/* The function of a place: without file and line, which move with every change. */
static void put_function(char *out, size_t room, const char *place)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, room - n, " in %.*s", (int)strcspn(place, " "), place);
}

static void parse_asan(const char *log, struct triage_verdict *v)
{
	char name[80];

	if (!line_after(log, "ERROR: AddressSanitizer: ", v->what, sizeof(v->what)))
		(void)line_after(log, "ERROR: LeakSanitizer: ", v->what, sizeof(v->what));
	find_place(log, v->place, sizeof(v->place));
	if (!line_with(log, "READ of size", v->access, sizeof(v->access)))
		(void)line_with(log, "WRITE of size", v->access, sizeof(v->access));
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(v->what, " "), v->what);
	if (strstr(v->what, "out of memory") || strstr(v->what, "allocation-size-too-big") ||
	    strstr(v->what, "requested allocation size"))
		v->kind = TRIAGE_MEMORY;
	(void)snprintf(v->cause, sizeof(v->cause), "%s %s", triage_kind_name(v->kind),
		       v->kind == TRIAGE_MEMORY ? "allocation" : name);
	put_function(v->cause, sizeof(v->cause), v->place[0] ? v->place : "?");
}

static void parse_ubsan(const char *log, struct triage_verdict *v)
{
	char line[512] = "";
	const char *src;

	(void)line_with(log, "runtime error: ", line, sizeof(line));
	(void)line_after(line, "runtime error: ", v->what, sizeof(v->what));
	find_place(log, v->place, sizeof(v->place));
	src = our_source(line);
	if (!v->place[0] && src)
		(void)snprintf(v->place, sizeof(v->place), "? %.*s", (int)strcspn(src, " "), src);
	(void)snprintf(v->cause, sizeof(v->cause), "ubsan ");
	put_plain(v->cause, sizeof(v->cause), v->what);
	put_function(v->cause, sizeof(v->cause), v->place[0] ? v->place : "?");
}

/* The name in a function's signature, as clang has it, or in gcc's bare name. */
static void function_name(const char *text, size_t len, char *out, size_t room)
{
	size_t end = 0, at;

	while (end < len && text[end] != '(')
		end++;
	for (at = end; at && text[at - 1] != ' ' && text[at - 1] != '*';)
		at--;
	(void)snprintf(out, room, "%.*s", (int)(end - at), text + at);
}

/* glibc: "PROGRAM: FILE:LINE: FUNCTION: Assertion `TEXT' failed." */
static void parse_assert(const char *log, struct triage_verdict *v)
{
	char line[512] = "", name[80] = "?";
	const char *src, *end, *fn;

	(void)line_with(log, ": Assertion `", line, sizeof(line));
	(void)line_after(line, ": Assertion ", v->what, sizeof(v->what));
	src = our_source(line);
	end = strstr(line, ": Assertion `");
	fn = src ? strstr(src, ": ") : NULL;
	if (fn && end && fn + 2 < end)
		function_name(fn + 2, (size_t)(end - fn) - 2, name, sizeof(name));
	(void)snprintf(v->place, sizeof(v->place), "%s %.*s", name,
		       src ? (int)strcspn(src, " ") - 1 : 1, src ? src : "?");
	(void)snprintf(v->cause, sizeof(v->cause), "assert %.120s", v->what);
	put_function(v->cause, sizeof(v->cause), v->place);
}

static void parse_oracle(const char *log, struct triage_verdict *v)
{
	(void)line_after(log, "oracle ", v->what, sizeof(v->what));
	(void)snprintf(v->cause, sizeof(v->cause), "oracle ");
	put_plain(v->cause, sizeof(v->cause), v->what);
}

static void parse_signal(const char *log, int status, struct triage_verdict *v)
{
	if (WIFSIGNALED(status))
		(void)snprintf(v->what, sizeof(v->what), "signal %d", WTERMSIG(status));
	else if (!line_after(log, "\n# ", v->what, sizeof(v->what)))
		(void)snprintf(v->what, sizeof(v->what), "status %d", WEXITSTATUS(status));
	(void)snprintf(v->cause, sizeof(v->cause), "signal %.120s", v->what);
}

void triage_parse(const char *log, int status, struct triage_verdict *v)
{
	*v = (struct triage_verdict){0};
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (strstr(log, "\n# no end within the time limit"))
		v->kind = TRIAGE_TIMEOUT;
	else if (!strncmp(log, "oracle ", 7) || strstr(log, "\noracle "))
		v->kind = TRIAGE_ORACLE;
	else if (strstr(log, ": Assertion `"))
		v->kind = TRIAGE_ASSERT;
	else if (strstr(log, "runtime error: "))
		v->kind = TRIAGE_UBSAN;
	else if (strstr(log, "hard rss limit exhausted"))
		v->kind = TRIAGE_MEMORY;
	else if (strstr(log, "ERROR: AddressSanitizer: "))
		v->kind = TRIAGE_ASAN;
	else if (strstr(log, "ERROR: LeakSanitizer: "))
		v->kind = TRIAGE_LEAK;
	else
		v->kind = TRIAGE_SIGNAL;
	(void)line_after(log, "\n# where: ", v->where, sizeof(v->where));
	switch (v->kind) {
	case TRIAGE_ORACLE:
		parse_oracle(log, v);
		break;
	case TRIAGE_ASSERT:
		parse_assert(log, v);
		break;
	case TRIAGE_UBSAN:
		parse_ubsan(log, v);
		break;
	case TRIAGE_ASAN:
	case TRIAGE_LEAK:
		parse_asan(log, v);
		break;
	case TRIAGE_TIMEOUT:
		(void)snprintf(v->what, sizeof(v->what), "no end within the time limit");
		(void)snprintf(v->cause, sizeof(v->cause), "timeout");
		break;
	case TRIAGE_MEMORY:
		(void)snprintf(v->what, sizeof(v->what), "more memory than the limit");
		(void)snprintf(v->cause, sizeof(v->cause), "memory limit");
		break;
	default:
		parse_signal(log, status, v);
	}
}
