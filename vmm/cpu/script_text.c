/* SPDX-License-Identifier: MIT */
/* cpu: the text form of a script, a line an exit. Hostile bytes: everything is bounded by (len). */
#include <errno.h>
#include <stdlib.h>

#include <linux/kvm.h>
#include "script.h"

#define WORD_MAX  40 /* bytes of a word with its NUL; the longest number has 20 */
#define WORDS_MAX 20 /* of a line: `internal 1` and 15 bytes, and some */

struct line {
	uint32_t nr;
	unsigned words;
	char word[WORDS_MAX][WORD_MAX];
};

static int fail(const struct line *l, struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "line %u: %s%s%s", l->nr, l->words ? l->word[0] : "",
		       l->words ? ": " : "", what);
}

/* Cut [p, end) into words; '#' begins a comment. */
static int split(struct line *l, const char *p, const char *end, struct err *err)
{
	l->words = 0;
	while (p < end && *p != '#') {
		size_t n = 0;

		if (*p == ' ' || *p == '\t' || *p == '\r') {
			p++;
			continue;
		}
		if (l->words == WORDS_MAX)
			return fail(l, err, "too many words");
		while (p < end && *p != ' ' && *p != '\t' && *p != '\r' && *p != '#') {
			if (n == WORD_MAX - 1 || !*p) {
				l->words = 0;
				return fail(l, err, "a word is too long, or holds a NUL byte");
			}
			l->word[l->words][n++] = *p++;
		}
		l->word[l->words++][n] = 0;
	}
	return 0;
}

static int number(const struct line *l, unsigned i, uint64_t max, uint64_t *out, const char *what,
		  struct err *err)
{
	if (parse_u64(l->word[i], out) || *out > max)
		return err_set(err, -EINVAL, "line %u: %s: %s '%s' is no number up to 0x%llx",
			       l->nr, l->word[0], what, l->word[i], (unsigned long long)max);
	return 0;
}

/* word 1: r or w */
static int direction(const struct line *l, struct cpu_item *it, struct err *err)
{
	if (strcmp(l->word[1], "r") != 0 && strcmp(l->word[1], "w") != 0)
		return fail(l, err, "the second word is r or w");
	it->write = l->word[1][0] == 'w';
	return 0;
}

static int value(const struct line *l, unsigned i, struct cpu_item *it, uint64_t max,
		 struct err *err)
{
	if (!strcmp(l->word[i], "*")) {
		if (it->write)
			return fail(l, err, "a write needs a value, * is for reads");
		it->any = true;
		return 0;
	}
	return number(l, i, max, &it->val, "value", err);
}

static int parse_access(const struct line *l, struct cpu_item *it, struct err *err)
{
	bool pio = it->kind == CPU_EXIT_PIO;
	uint64_t size;
	int r = direction(l, it, err);

	if (!r)
		r = number(l, 2, pio ? 0xffff : UINT64_MAX, &it->addr, "address", err);
	if (!r)
		r = number(l, 3, pio ? 4 : 8, &size, "size", err);
	if (r)
		return r;
	if (!size || (pio && size == 3))
		return fail(l, err, pio ? "size is 1, 2 or 4" : "size is 1 to 8");
	it->size = (uint8_t)size;
	return value(l, 4, it, size_mask(it->size), err);
}

static int parse_msr(const struct line *l, struct cpu_item *it, struct err *err)
{
	int r = direction(l, it, err);

	it->raw = it->write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR;
	if (!r)
		r = number(l, 2, UINT32_MAX, &it->addr, "number", err);
	if (!r)
		r = value(l, 3, it, UINT64_MAX, err);
	if (r || l->words == 4)
		return r;
	if (strcmp(l->word[4], "gp") != 0)
		return fail(l, err, "after the value comes gp or nothing");
	it->gp = true;
	return 0;
}

static int parse_reason(const struct line *l, struct cpu_item *it, struct err *err)
{
	int r = number(l, 1, it->kind == CPU_EXIT_UNKNOWN ? UINT32_MAX : UINT64_MAX, &it->addr,
		       "reason", err);

	if (!r && it->kind == CPU_EXIT_UNKNOWN)
		it->raw = (uint32_t)it->addr;
	return r;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* SUBERROR, then bytes as `d9e8` or `d9 e8`. */
static int parse_internal(const struct line *l, struct cpu_item *it, struct err *err)
{
	int r = number(l, 1, UINT32_MAX, &it->addr, "suberror", err);

	if (r)
		return r;
	if (it->addr == KVM_INTERNAL_ERROR_EMULATION)
		it->kind = CPU_EXIT_EMULATION;
	for (unsigned i = 2; i < l->words; i++) {
		for (const char *p = l->word[i]; *p; p += 2) {
			int hi = hex_digit(p[0]), lo = hi < 0 ? -1 : hex_digit(p[1]);

			if (lo < 0)
				return fail(l, err, "instruction bytes are pairs of hex digits");
			if (it->nr_bytes == sizeof(it->bytes))
				return fail(l, err, "an instruction has 15 bytes at most");
			it->bytes[it->nr_bytes++] = (uint8_t)(hi << 4 | lo);
		}
	}
	return 0;
}

static int parse_expect_int(const struct line *l, struct cpu_item *it, struct err *err)
{
	it->what = CPU_ITEM_EXPECT_INT;
	return number(l, 1, 255, &it->val, "vector", err);
}

static int parse_end(const struct line *l, struct cpu_item *it, struct err *err)
{
	(void)l;
	(void)err;
	it->what = CPU_ITEM_END;
	return 0;
}

static const struct {
	const char *word;
	unsigned min, max; /* words in the line */
	enum cpu_exit_kind kind;
	uint32_t raw;
	int (*parse)(const struct line *l, struct cpu_item *it, struct err *err);
	const char *usage;
} rows[] = {
	{"pio", 5, 5, CPU_EXIT_PIO, KVM_EXIT_IO, parse_access, "pio r|w PORT SIZE VALUE"},
	{"mmio", 5, 5, CPU_EXIT_MMIO, KVM_EXIT_MMIO, parse_access, "mmio r|w GPA SIZE VALUE"},
	{"msr", 4, 5, CPU_EXIT_MSR, 0, parse_msr, "msr r|w NUMBER VALUE [gp]"},
	{"hlt", 1, 1, CPU_EXIT_HLT, KVM_EXIT_HLT, NULL, "hlt"},
	{"shutdown", 1, 1, CPU_EXIT_SHUTDOWN, KVM_EXIT_SHUTDOWN, NULL, "shutdown"},
	{"fail-entry", 2, 2, CPU_EXIT_FAIL_ENTRY, KVM_EXIT_FAIL_ENTRY, parse_reason,
	 "fail-entry REASON"},
	{"internal", 2, WORDS_MAX, CPU_EXIT_INTERNAL, KVM_EXIT_INTERNAL_ERROR, parse_internal,
	 "internal SUBERROR [BYTES]"},
	{"unknown", 2, 2, CPU_EXIT_UNKNOWN, 0, parse_reason, "unknown REASON"},
	{"intr", 1, 1, CPU_EXIT_INTR, KVM_EXIT_INTR, NULL, "intr"},
	{"irq-window", 1, 1, CPU_EXIT_IRQ_WINDOW, KVM_EXIT_IRQ_WINDOW_OPEN, NULL, "irq-window"},
	{"expect-int", 2, 2, 0, 0, parse_expect_int, "expect-int VECTOR"},
	/* the last line of a recorded stream */
	{"end", 1, WORDS_MAX, 0, 0, parse_end, "end [REASON]"},
};

static int parse_line(const struct line *l, struct cpu_item *it, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(l->word[0], rows[i].word) != 0)
			continue;
		if (l->words < rows[i].min || l->words > rows[i].max)
			return err_set(err, -EINVAL, "line %u: want `%s`, there are %u words",
				       l->nr, rows[i].usage, l->words);
		*it = (struct cpu_item){
			.what = CPU_ITEM_EXIT,
			.kind = rows[i].kind,
			.raw = rows[i].raw,
			.line = l->nr,
		};
		return rows[i].parse ? rows[i].parse(l, it, err) : 0;
	}
	return err_set(err, -EINVAL,
		       "line %u: '%s' is no kind of line: pio, mmio, msr, hlt, shutdown, "
		       "fail-entry, internal, unknown, intr, irq-window, expect-int, end",
		       l->nr, l->word[0]);
}

static int append(struct cpu_item **items, size_t *nr, size_t *cap, const struct cpu_item *it,
		  struct err *err)
{
	if (*nr == *cap) {
		size_t want = *cap ? *cap * 2 : 64;
		struct cpu_item *p = realloc(*items, want * sizeof(*p));

		if (!p)
			return err_set(err, -ENOMEM, "script: no memory");
		*items = p;
		*cap = want;
	}
	(*items)[(*nr)++] = *it;
	return 0;
}

int cpu_script_parse(const char *text, size_t len, struct cpu_item **out, size_t *nr,
		     struct err *err)
{
	const char *p = text, *end = text + len;
	struct line l = {.nr = 0};
	size_t cap = 0;
	bool ended = false;
	int r = 0;

	*out = NULL;
	*nr = 0;
	if (len > CPU_SCRIPT_MAX)
		return err_set(err, -E2BIG, "script of %zu bytes, at most %zu", len,
			       CPU_SCRIPT_MAX);
	while (p < end && !r) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct cpu_item it;

		if (!eol)
			eol = end;
		l.nr++;
		r = split(&l, p, eol, err);
		p = eol < end ? eol + 1 : end;
		if (r || !l.words)
			continue;
		if (ended)
			r = fail(&l, err, "nothing may follow the end line");
		if (!r)
			r = parse_line(&l, &it, err);
		if (!r)
			r = append(out, nr, &cap, &it, err);
		ended = !r && it.what == CPU_ITEM_END;
	}
	if (r) {
		free(*out);
		*out = NULL;
		*nr = 0;
	}
	return r;
}
