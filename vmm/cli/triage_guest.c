/* SPDX-License-Identifier: MIT */
/*
 * vise triage: what a finding leaves behind for others: a guest that takes the same steps on a machine,
 * and a C program that gives the same bytes to the target.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "triage.h"

#define STEPS_MAX 20000u
#define LINE_ROOM 8192u
/* Where a guest in long mode has memory that is not its own code, stack or tables. */
#define LOW_END	    0x8000u
#define FREE_LOW    0x100000u
#define FREE_HIGH   0x1000000u
#define WAIT_MAX_NS 100000000u

/* A step's numbers: (n) of them; false: it is not so many, or one is none. */
static bool numbers(char *text, uint64_t *out, unsigned n)
{
	char *save = NULL, *w = strtok_r(text, " ", &save);

	for (unsigned i = 0; i < n; i++, w = strtok_r(NULL, " ", &save))
		if (!w || parse_u64(w, &out[i]))
			return false;
	return !w;
}

static const char *accumulator(uint64_t size)
{
	return size == 1 ? "al" : size == 2 ? "ax" : size == 4 ? "eax" : "rax";
}

static bool whole(uint64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* "r GPA SIZE" or "w GPA SIZE VALUE" */
static bool put_mmio(char *text, struct buf *out)
{
	const bool write = text[0] == 'w';
	uint64_t v[3];

	if (!numbers(text + 1, v, write ? 3 : 2) || !whole(v[1]))
		return false;
	buf_printf(out, "\tmov\trdi, 0x%" PRIx64 "\n", v[0]);
	if (write)
		buf_printf(out, "\tmov\trax, 0x%" PRIx64 "\n\tmov\t[rdi], %s\n", v[2],
			   accumulator(v[1]));
	else
		buf_printf(out, "\tmov\t%s, [rdi]\n", accumulator(v[1]));
	return true;
}

static bool put_pio(char *text, struct buf *out)
{
	const bool write = text[0] == 'w';
	uint64_t v[3];

	if (!numbers(text + 1, v, write ? 3 : 2) || !whole(v[1]) || v[1] == 8 || v[0] > 0xffff)
		return false;
	buf_printf(out, "\tmov\tdx, 0x%" PRIx64 "\n", v[0]);
	if (write)
		buf_printf(out, "\tmov\teax, 0x%" PRIx64 "\n\tout\tdx, %s\n", v[2] & UINT32_MAX,
			   accumulator(v[1]));
	else
		buf_printf(out, "\tin\t%s, dx\n", accumulator(v[1]));
	return true;
}

/* An MSR may be refused: the guest goes on behind it. */
static bool put_msr(char *text, unsigned step, struct buf *out)
{
	const bool write = text[0] == 'w';
	uint64_t v[2];

	if (!numbers(text + 1, v, write ? 2 : 1))
		return false;
	buf_printf(out, "\tcatch\tstep%u\n\tmov\tecx, 0x%" PRIx64 "\n", step, v[0] & UINT32_MAX);
	if (write)
		buf_printf(out, "\tmov\teax, 0x%" PRIx64 "\n\tmov\tedx, 0x%" PRIx64 "\n\twrmsr\n",
			   v[1] & UINT32_MAX, v[1] >> 32);
	else
		buf_printf(out, "\trdmsr\n");
	buf_printf(out, "step%u:\tcatch_none\n", step);
	return true;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "GPA HEXBYTES" */
static bool put_mem(char *text, struct buf *out)
{
	char *bytes = strchr(text, ' ');
	uint64_t gpa;
	size_t n;

	if (!bytes)
		return false;
	*bytes++ = '\0';
	n = strlen(bytes) / 2;
	if (parse_u64(text, &gpa) || (!range_within(gpa, n, 0, LOW_END) &&
				      !range_within(gpa, n, FREE_LOW, FREE_HIGH - FREE_LOW)))
		return false;
	for (size_t i = 0; i < n;) {
		unsigned size = n - i >= 8 ? 8 : n - i >= 4 ? 4 : n - i >= 2 ? 2 : 1;
		uint64_t v = 0;

		for (unsigned k = 0; k < size; k++) {
			int high = hex(bytes[2 * (i + k)]), low = hex(bytes[2 * (i + k) + 1]);

			if (high < 0 || low < 0)
				return false;
			v |= (uint64_t)(high << 4 | low) << 8 * k;
		}
		buf_printf(out,
			   "\tmov\tedi, 0x%" PRIx64 "\n\tmov\trax, 0x%" PRIx64
			   "\n\tmov\t[rdi], %s\n",
			   gpa + i, v, accumulator(size));
		i += size;
	}
	return true;
}

/* "NS": on soft an instruction takes one. */
static bool put_wait(char *text, unsigned step, struct buf *out)
{
	uint64_t ns;

	if (!numbers(text, &ns, 1) || ns > WAIT_MAX_NS)
		return false;
	buf_printf(out, "\tmov\tecx, %" PRIu64 "\nstep%u:\tdec\tecx\n\tjnz\tstep%u\n", ns / 2 + 1,
		   step, step);
	return true;
}

static bool put_step(char *line, unsigned step, struct buf *out)
{
	if (!strncmp(line, "mmio ", 5))
		return put_mmio(line + 5, out);
	if (!strncmp(line, "pio ", 4))
		return put_pio(line + 4, out);
	if (!strncmp(line, "msr ", 4))
		return put_msr(line + 4, step, out);
	if (!strncmp(line, "mem ", 4))
		return put_mem(line + 4, out);
	if (!strncmp(line, "wait ", 5))
		return put_wait(line + 5, step, out);
	return false;
}

/* "device SPEC" and the like are lines of the header. */
static bool put_header(const char *line, struct buf *head)
{
	static const char *const keys[] = {"device ", "disk ", "net ", "chr "};

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strncmp(line, keys[i], strlen(keys[i]))) {
			buf_printf(head, ";@ %.*s: %s\n", (int)strlen(keys[i]) - 1, keys[i],
				   line + strlen(keys[i]));
			return true;
		}
	return false;
}

bool triage_guest(const char *log, const char *summary, struct buf *out, char *why, size_t why_len)
{
	struct buf head = {0}, body = {0};
	char *line = malloc(LINE_ROOM);
	unsigned steps = 0;
	bool good = line != NULL;

	(void)snprintf(why, why_len, "the target does not say its steps");
	for (const char *p = log; good && p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		size_t n = strcspn(p, "\n");

		if (strncmp(p, "> ", 2) != 0)
			continue;
		good = n < LINE_ROOM && steps < STEPS_MAX;
		if (!good) {
			(void)snprintf(why, why_len, "there are too many steps");
			break;
		}
		memcpy(line, p + 2, n - 2);
		line[n - 2] = '\0';
		if (put_header(line, &head))
			continue;
		(void)snprintf(why, why_len, "no instruction does '%.60s'", line);
		good = put_step(line, steps++, &body);
	}
	free(line);
	good = good && steps;
	if (good) {
		buf_printf(out, "; SPDX-License-Identifier: MIT\n;@ summary: %.120s\n%s", summary,
			   buf_str(&head));
		buf_printf(out, "%%include \"test.inc\"\n%s\tpass\n", buf_str(&body));
	}
	buf_free(&head);
	buf_free(&body);
	return good;
}

void triage_unit_test(const char *target, const char *what, const uint8_t *p, size_t len,
		      struct buf *out)
{
	buf_printf(out,
		   "/* SPDX-License-Identifier: MIT */\n"
		   "/*\n * %s: ",
		   target);
	/* It may hold what ends a comment. */
	for (const char *c = what; *c; c++)
		buf_printf(out, "%c", *c == '/' || (unsigned char)*c < ' ' ? '.' : *c);
	buf_printf(
		out,
		"\n * In the source tree: make finding TARGET=%s FILE=THIS\n */\n"
		"#include <stdbool.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
		"#include <string.h>\n\n"
		"/* What a target says goes nowhere (fuzz/engine/say.h). */\n"
		"bool fuzz_saying;\nchar fuzz_where[160];\n\n"
		"int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n\n"
		"static const uint8_t input[] = {",
		target);
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%s0x%02x,", i % 12 ? " " : "\n\t", p[i]);
	buf_printf(
		out,
		"%s};\n\n"
		"int main(void)\n{\n"
		"\t/* As long as the input, so that a read past its end is one past the allocation. */\n"
		"\tuint8_t *exact = malloc(%zu);\n\n"
		"\tif (!exact)\n\t\treturn 2;\n"
		"\tmemcpy(exact, input, %zu);\n"
		"\tLLVMFuzzerTestOneInput(exact, %zu);\n"
		"\tfree(exact);\n\tputs(\"it passes\");\n\treturn 0;\n}\n",
		len ? "\n" : "0", len ? len : 1, len, len);
}
