/* SPDX-License-Identifier: MIT */
/* Text as numbers. */
#include <errno.h>

#include <vmm/base.h>

/* The value of a digit, 16 for what is none. */
static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

int parse_u64(const char *s, uint64_t *out)
{
	static const char units[] = "KMGT";
	unsigned base = 10, shift = 0;
	bool over = false;
	uint64_t v = 0;
	const char *u;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (digit(*s) >= base)
		return -EINVAL;
	/* Go on after an overflow: "99999999999999999999z" is no number, not a large one. */
	for (; digit(*s) < base; s++) {
		over = mul_wraps(v, base, &v) || over;
		over = add_wraps(v, digit(*s), &v) || over;
	}
	u = *s ? strchr(units, *s) : NULL;
	if (u) {
		shift = 10 * ((unsigned)(u - units) + 1);
		s++;
		if (s[0] == 'i' && s[1] == 'B')
			s += 2;
	}
	if (*s)
		return -EINVAL;
	if (over || mul_wraps(v, 1ull << shift, &v))
		return -ERANGE;
	*out = v;
	return 0;
}
