/* SPDX-License-Identifier: MIT */
/*
 * mutate: the small mistakes that a C source could have, one at a time. ci/mutants asks whether the
 * fuzz targets' corpora notice them.
 *
 *	mutate list FILE       one line a mutant: NUMBER LINE OPERATOR FROM TO, by tabs
 *	mutate make FILE N     the source with mutant N of that list, to stdout
 *
 * It reads tokens, not C: it trusts clang-format to put spaces round binary operators and none behind
 * unary ones. Only bodies of functions are changed, and neither preprocessor lines, nor assertions,
 * nor what is told: the arguments of err_set() behind its code, calls of trace and of dev_guest_error(),
 * which traces, and canaries.
 *
 * Operators: relation (<, <=, ...), logic (&& and ||), arith, bits, step (++), constant (+1, -1 to a
 * number or a named constant; true and false), condition (an if's is never or always true) and
 * statement (a call or an assignment is left out).
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { WORD, NUMBER, PUNCT, OTHER };

struct token {
	enum kind kind;
	unsigned line;
	size_t at, len;
	bool before, behind; /* a space or an end of line */
	bool body;	     /* within a function, to be changed */
	size_t match;	     /* of a parenthesis: the token that closes it */
};

static struct {
	const char *text;
	size_t len;
	struct token *tok;
	size_t n, cap;
	/* what is asked for */
	bool listing;
	unsigned long want, nr;
} m;

static void fail(const char *what)
{
	fprintf(stderr, "mutate: %s\n", what);
	exit(2);
}

/* ---- tokens ---- */

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is(size_t i, const char *s)
{
	return i < m.n && m.tok[i].len == strlen(s) &&
	       !memcmp(m.text + m.tok[i].at, s, m.tok[i].len);
}

static bool one_of(size_t i, const char *const *list)
{
	for (; *list; list++) {
		if (is(i, *list))
			return true;
	}
	return false;
}

static bool space(size_t at)
{
	return at >= m.len || isspace((unsigned char)m.text[at]);
}

static void push(enum kind kind, size_t at, size_t len, unsigned line)
{
	if (m.n == m.cap) {
		m.cap = m.cap ? 2 * m.cap : 4096;
		m.tok = realloc(m.tok, m.cap * sizeof(*m.tok));
		if (!m.tok)
			fail("no memory");
	}
	m.tok[m.n++] = (struct token){.kind = kind,
				      .line = line,
				      .at = at,
				      .len = len,
				      .before = !at || space(at - 1),
				      .behind = space(at + len)};
}

static size_t punct_len(const char *p)
{
	static const char *const list[] = {"<<=", ">>=", "...", "->", "++", "--", "<<", ">>",
					   "<=",  ">=",	 "==",	"!=", "&&", "||", "+=", "-=",
					   "*=",  "/=",	 "%=",	"&=", "|=", "^=", NULL};

	for (unsigned i = 0; list[i]; i++) {
		if (!strncmp(p, list[i], strlen(list[i])))
			return strlen(list[i]);
	}
	return 1;
}

/* The end of a comment, a literal or a directive that starts at (i); (i) if none does. */
static size_t skip_from(size_t i, bool line_start)
{
	const char *t = m.text;
	size_t j = i;

	if (t[i] == '/' && t[i + 1] == '*') {
		const char *end = strstr(t + i + 2, "*/");

		return end ? (size_t)(end - t) + 2 : m.len;
	}
	if (t[i] == '#' && line_start) {
		while (j < m.len && (t[j] != '\n' || t[j - 1] == '\\'))
			j++;
		return j;
	}
	if (t[i] != '"' && t[i] != '\'')
		return i;
	for (j = i + 1; j < m.len && t[j] != t[i]; j++)
		j += t[j] == '\\';
	return j + 1;
}

static void tokenize(void)
{
	bool line_start = true;
	unsigned line = 1;

	for (size_t i = 0; i < m.len;) {
		size_t end = skip_from(i, line_start);
		char c = m.text[i];

		if (end > i) {
			if (c == '"' || c == '\'')
				push(OTHER, i, end - i, line);
			for (; i < end; i++)
				line += m.text[i] == '\n';
			continue;
		}
		if (isspace((unsigned char)c)) {
			line += c == '\n';
			line_start |= c == '\n';
			i++;
			continue;
		}
		line_start = false;
		end = i + 1;
		if (word_char(c)) {
			while (end < m.len && word_char(m.text[end]))
				end++;
			push(isdigit((unsigned char)c) ? NUMBER : WORD, i, end - i, line);
		} else {
			end = i + punct_len(m.text + i);
			push(PUNCT, i, end - i, line);
		}
		i = end;
	}
}

/* Which tokens are in bodies; what each parenthesis ends at. */
static void structure(void)
{
	size_t open[256], n = 0;
	unsigned depth = 0;

	for (size_t i = 0; i < m.n; i++) {
		if (is(i, "(") && n < 256)
			open[n++] = i;
		if (is(i, ")") && n)
			m.tok[open[--n]].match = i;
		/* A body opens behind the parameters; tables and structures are not touched. */
		if (is(i, "{") && (depth || (i && is(i - 1, ")"))))
			depth++;
		m.tok[i].body = depth > 0;
		if (is(i, "}") && depth)
			depth--;
	}
}

/* Leave out what is asserted or only told. */
static void quieten(void)
{
	static const char *const told[] = {"assert",	       "static_assert",	  "sizeof",
					   "_Static_assert",   "offsetof",	  "CANARY",
					   "__builtin_expect", "dev_guest_error", NULL};

	for (size_t i = 0; i + 1 < m.n; i++) {
		size_t from = i + 2, args = 0, depth = 0;

		if (!is(i + 1, "(") || m.tok[i].kind != WORD)
			continue;
		if (is(i, "err_set")) {
			for (; from < m.tok[i + 1].match && args < 2; from++) {
				depth += is(from, "(");
				depth -= is(from, ")");
				args += !depth && is(from, ",");
			}
		} else if (!one_of(i, told) && strncmp(m.text + m.tok[i].at, "trace", 5) != 0) {
			continue;
		}
		for (; from < m.tok[i + 1].match; from++)
			m.tok[from].body = false;
	}
}

/* ---- mutants ---- */

static void on_one_line(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isspace((unsigned char)s[i]))
			putchar(s[i]);
		else if (!i || !isspace((unsigned char)s[i - 1]))
			putchar(' ');
	}
}

/* Tokens (from) to (to) become (text). */
static void mutant(const char *op, size_t from, size_t to, const char *text)
{
	size_t at = m.tok[from].at, end = m.tok[to].at + m.tok[to].len;
	unsigned long nr = m.nr++;

	if (m.listing) {
		printf("%lu\t%u\t%s\t", nr, m.tok[from].line, op);
		on_one_line(m.text + at, end - at);
		putchar('\t');
		on_one_line(text, strlen(text));
		putchar('\n');
	} else if (nr == m.want) {
		fwrite(m.text, 1, at, stdout);
		fputs(text, stdout);
		fwrite(m.text + end, 1, m.len - end, stdout);
	}
}

/* Behind these a * or & is unary, whatever the spaces say; and a type is no factor. */
static bool binary(size_t i)
{
	return m.tok[i].before && m.tok[i].behind && i &&
	       (m.tok[i - 1].kind == WORD || m.tok[i - 1].kind == NUMBER || is(i - 1, ")") ||
		is(i - 1, "]"));
}

static void operators(size_t i)
{
	static const struct {
		const char *op, *from, *to;
	} swaps[] = {
		{"relation", "<", "<="}, {"relation", "<=", "<"},  {"relation", ">", ">="},
		{"relation", ">=", ">"}, {"relation", "==", "!="}, {"relation", "!=", "=="},
		{"logic", "&&", "||"},	 {"logic", "||", "&&"},	   {"arith", "+", "-"},
		{"arith", "-", "+"},	 {"arith", "*", "+"},	   {"arith", "/", "*"},
		{"arith", "%", "*"},	 {"arith", "+=", "-="},	   {"arith", "-=", "+="},
		{"bits", "&", "|"},	 {"bits", "|", "&"},	   {"bits", "^", "|"},
		{"bits", "<<", ">>"},	 {"bits", ">>", "<<"},	   {"bits", "|=", "&="},
		{"bits", "&=", "|="},
	};

	for (unsigned k = 0; k < sizeof(swaps) / sizeof(swaps[0]); k++) {
		if (is(i, swaps[k].from) && binary(i))
			mutant(swaps[k].op, i, i, swaps[k].to);
	}
	if (is(i, "++") || is(i, "--"))
		mutant("step", i, i, is(i, "++") ? "--" : "++");
}

/* A name in capitals that is no call and no error's: a constant. */
static bool constant_name(size_t i)
{
	const struct token *t = &m.tok[i];
	bool letter = false;

	if (t->kind != WORD || t->len < 2 || is(i + 1, "("))
		return false;
	if (i && is(i - 1, "-") && m.text[t->at] == 'E')
		return false;
	for (size_t k = t->at; k < t->at + t->len; k++) {
		if (islower((unsigned char)m.text[k]))
			return false;
		letter |= isupper((unsigned char)m.text[k]) != 0;
	}
	return letter && !is(i, "NULL") && !(i && (is(i - 1, ".") || is(i - 1, "->")));
}

static void constants(size_t i)
{
	const struct token *t = &m.tok[i];
	char text[160];

	if (is(i, "true") || is(i, "false")) {
		mutant("constant", i, i, is(i, "true") ? "false" : "true");
	} else if (t->len < 60 && (t->kind == NUMBER || constant_name(i))) {
		snprintf(text, sizeof(text), "(%.*s + 1)", (int)t->len, m.text + t->at);
		mutant("constant", i, i, text);
		if (t->kind == NUMBER && !strtoull(m.text + t->at, NULL, 0))
			return;
		snprintf(text, sizeof(text), "(%.*s - 1)", (int)t->len, m.text + t->at);
		mutant("constant", i, i, text);
	}
}

static void condition(size_t i)
{
	size_t open = i + 1, close = m.tok[open].match;
	size_t len = m.tok[close].at - m.tok[open].at + 1;
	char *text;

	if (!is(i, "if") || !is(open, "(") || !close)
		return;
	text = malloc(len + 16);
	if (!text)
		fail("no memory");
	snprintf(text, len + 16, "(%.*s && 0)", (int)len, m.text + m.tok[open].at);
	mutant("condition", open, close, text);
	snprintf(text, len + 16, "(%.*s || 1)", (int)len, m.text + m.tok[open].at);
	mutant("condition", open, close, text);
	free(text);
}

/* From (i), where a statement starts: a call alone, or one assignment to what was there before. */
static void statement(size_t i)
{
	static const char *const none[] = {
		"return", "if",	  "for",  "while",  "switch", "do",	 "sizeof",
		"case",	  "else", "goto", "assert", "CANARY", "err_set", "dev_guest_error",
		NULL};
	static const char *const assign[] = {"=", "+=", "-=", "|=", "&=", "^=", NULL};
	bool assigns = false, call = is(i + 1, "(");
	size_t end;

	if (!i || m.tok[i].kind != WORD || one_of(i, none) ||
	    !strncmp(m.text + m.tok[i].at, "trace_", 6) ||
	    !(is(i - 1, ";") || is(i - 1, "{") || is(i - 1, "}") || is(i - 1, ")") ||
	      is(i - 1, "else") || is(i - 1, ":")))
		return;
	/* Two words in a row are a declaration, and so is a * behind a word. */
	if (!call && (m.tok[i + 1].kind == WORD || (is(i + 1, "*") && !m.tok[i + 1].behind)))
		return;
	for (end = i; end < m.n && !is(end, ";") && !is(end, "{"); end++) {
		if (is(end, "(")) {
			end = m.tok[end].match;
			if (!end)
				return;
		}
		assigns |= one_of(end, assign);
	}
	if (!is(end, ";") || (!call && !assigns) || !m.tok[end].body)
		return;
	mutant("statement", i, end, ";");
}

int main(int argc, char **argv)
{
	static char buf[1 << 20];
	FILE *f;

	m.listing = argc == 3 && !strcmp(argv[1], "list");
	if (!m.listing && !(argc == 4 && !strcmp(argv[1], "make"))) {
		fputs("usage: mutate list FILE | mutate make FILE N\n", stderr);
		return 2;
	}
	m.want = m.listing ? 0 : strtoul(argv[3], NULL, 10);
	f = fopen(argv[2], "r");
	if (!f)
		fail("cannot read the source");
	m.len = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	m.text = buf;
	tokenize();
	structure();
	quieten();
	for (size_t i = 0; i + 1 < m.n; i++) {
		if (!m.tok[i].body)
			continue;
		operators(i);
		constants(i);
		condition(i);
		statement(i);
	}
	free(m.tok);
	return m.listing || m.nr > m.want ? 0 : 2;
}
