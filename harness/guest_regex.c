/* SPDX-License-Identifier: MIT */
/* The regex of `serial: ~...`: bounded before glibc compiles it, for its text is hostile. */
#include <stdlib.h>

#include "harness_priv.h"

#define REGEX_MAX    512  /* bytes */
#define REGEX_REPEAT 4096 /* atoms after all copies that repeats make of them */
#define REGEX_DEPTH  32	  /* nested groups */

#define STR_(x) #x
#define STR(x)	STR_(x)

/* Behind a bracket expression (POSIX 9.3.5), whose '[' is at (c). */
static const char *skip_bracket(const char *c)
{
	c += c[1] == '^' ? 2 : 1;
	if (*c == ']')
		c++; /* first, it stands for itself */
	while (*c && *c != ']') {
		char kind = c[1];

		if (*c == '[' && (kind == ':' || kind == '.' || kind == '=')) {
			for (c += 2; *c && !(c[0] == kind && c[1] == ']');)
				c++;
			c += *c ? 1 : 0;
		}
		c += *c ? 1 : 0;
	}
	return c;
}

/* The largest number of an interval, whose '{' is at *c; *c moves to its '}'. */
static uint64_t interval(const char **c)
{
	uint64_t most = 1;

	while (**c && **c != '}') {
		uint64_t n = strtoull(++*c, NULL, 10);

		if (**c >= '0' && **c <= '9' && n > most)
			most = n;
	}
	if (!**c)
		--*c; /* it has no end: regcomp() will say so */
	return most;
}

/*
 * Bounds on a regex before regcomp() sees it: the text is hostile. glibc copies what is repeated,
 * by {m,n} and by + ("a++++" is 2^4 copies), and recurses into groups; so the size of what it will
 * build is worked out first. Matching with back-references takes exponential time.
 */
const char *guest_regex_refused(const char *re)
{
	uint64_t total[REGEX_DEPTH + 1] = {0}, last[REGEX_DEPTH + 1] = {0};
	unsigned depth = 0;

	if (strlen(re) > REGEX_MAX)
		return "longer than " STR(REGEX_MAX) " bytes";
	for (const char *c = re; *c; c++) {
		uint64_t times = 1, size = 1;

		if (*c == '(') {
			if (++depth > REGEX_DEPTH)
				return "nested deeper than " STR(REGEX_DEPTH);
			total[depth] = last[depth] = 0;
			continue;
		}
		if (*c == '+' || *c == '{') {
			times = *c == '+' ? 2 : interval(&c);
			if (mul_wraps(last[depth], times, &size) || size > REGEX_REPEAT ||
			    times > REGEX_REPEAT)
				return "repeats more than " STR(REGEX_REPEAT) " times";
			total[depth] += size - last[depth];
		} else {
			if (*c == '\\' && c[1] >= '0' && c[1] <= '9')
				return "with a back-reference: those are not taken";
			if (*c == ')' && depth)
				size = total[depth--];
			else if (*c == '[')
				c = skip_bracket(c);
			else if (*c == '\\' && c[1])
				c++;
			else if (*c == '*' || *c == '?')
				continue;
			total[depth] += size;
		}
		last[depth] = size;
		if (total[depth] > REGEX_REPEAT)
			return "repeats more than " STR(REGEX_REPEAT) " times";
		if (!*c)
			break;
	}
	return NULL;
}

/* \n \r \t become those characters, in place; other escapes are the regex's own. */
void guest_regex_escapes(char *v)
{
	char *to = v;

	for (; *v; v++) {
		const char *hit = v[0] == '\\' && v[1] ? strchr("n\nr\rt\t", v[1]) : NULL;

		if (hit && v[1] >= 'a') {
			*to++ = hit[1];
			v++;
		} else {
			if (v[0] == '\\' && v[1])
				*to++ = *v++;
			*to++ = *v;
		}
	}
	*to = '\0';
}
