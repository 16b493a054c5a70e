/* SPDX-License-Identifier: MIT */
/*
 * guest_header: the header comment of a guest test, as hostile text, for one of the back ends.
 *
 * The first byte chooses the back end; the rest is the file. Oracles: an error names the file; what
 * parses, formatted and parsed again, formats to the same text (round trip); a back end without
 * suffixed keys sees what the others see; counts stay in their bounds.
 * @modules harness
 */
#include <errno.h>
#include <stdlib.h>

#include <vmm/harness.h>

#include "depth.h"
#include "oracle.h"

DEPTH_COUNTERS(refused, parsed, device, module, regex, golden, budget, needs, xfail, suffix);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "f.asm"

static void count(const struct guest_spec *s, const char *text, size_t len)
{
	depth_hit(parsed);
	if (s->nr_devices)
		depth_hit(device);
	if (s->nr_modules)
		depth_hit(module);
	if (s->serial_re)
		depth_hit(regex);
	if (s->exits.p)
		depth_hit(golden);
	if (s->has_budget)
		depth_hit(budget);
	if (s->nr_needs)
		depth_hit(needs);
	if (s->nr_xfail)
		depth_hit(xfail);
	if (memmem(text, len, ".kvm:", 5) || memmem(text, len, ".soft:", 6))
		depth_hit(suffix);
}

static void bounds(const struct guest_spec *s, size_t len)
{
	unsigned lines = 0;

	FUZZ_ORACLE(s->summary && s->summary[0], "summary", "parsed without a summary");
	FUZZ_ORACLE(s->nr_devices <= GUEST_DEVICES && s->nr_modules <= GUEST_MODULES &&
			    s->nr_needs <= GUEST_NEEDS && s->nr_xfail <= GUEST_XFAILS,
		    "counts", "%u devices, %u modules, %u needs, %u xfails", s->nr_devices,
		    s->nr_modules, s->nr_needs, s->nr_xfail);
	FUZZ_ORACLE(!s->mem || (s->mem >= VM_MEM_MIN && s->mem <= GMEM_MAX), "mem", "0x%llx",
		    (unsigned long long)s->mem);
	FUZZ_ORACLE(s->input.len <= len && s->initrd.len <= len && s->serial.len <= len, "decoded",
		    "a value is longer than the file");
	for (size_t i = 0; i < s->exits.len; i++)
		lines += s->exits.p[i] == '\n';
	FUZZ_ORACLE(lines <= GUEST_INLINE, "golden-lines", "%u", lines);
}

static void round_trip(const struct guest_spec *s)
{
	struct buf first = {0}, second = {0};
	struct guest_spec again;
	struct err err = {0};

	guest_spec_format(s, &first);
	FUZZ_ORACLE(!guest_spec_parse(&again, NAME, s->cpu, buf_str(&first), first.len, &err),
		    "reparse", "%s in:\n%s", err.msg, buf_str(&first));
	guest_spec_format(&again, &second);
	FUZZ_ORACLE(first.len == second.len && !memcmp(first.p, second.p, first.len), "round-trip",
		    "%s is not\n%s", buf_str(&first), buf_str(&second));
	FUZZ_ORACLE(s->input.len == again.input.len && s->serial.len == again.serial.len &&
			    s->timeout == again.timeout && s->mem == again.mem,
		    "round-trip-values", "a value changed");
	guest_spec_free(&again);
	buf_free(&first);
	buf_free(&second);
}

/* Without a suffix in the file all back ends see the same. */
static void same_for_all(const struct guest_spec *s, const char *text, size_t len)
{
	struct buf mine = {0}, other = {0};
	struct guest_spec o;
	struct err err = {0};

	if (memmem(text, len, ".kvm", 4) || memmem(text, len, ".soft", 5))
		return;
	FUZZ_ORACLE(!guest_spec_parse(&o, NAME, GUEST_ANY, text, len, &err), "same", "%s", err.msg);
	/* But for `timeout: 3s`: a second is so many instructions on soft. */
	o.timeout = s->timeout;
	guest_spec_format(s, &mine);
	guest_spec_format(&o, &other);
	FUZZ_ORACLE(mine.len == other.len && !memcmp(mine.p, other.p, mine.len), "same-text",
		    "%s is not\n%s", buf_str(&mine), buf_str(&other));
	guest_spec_free(&o);
	buf_free(&mine);
	buf_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum guest_cpu cpu = size ? (enum guest_cpu)(data[0] % GUEST_CPUS) : GUEST_ANY;
	const char *text = size ? (const char *)data + 1 : "";
	size_t len = size ? size - 1 : 0;
	struct guest_spec s;
	struct err err = {0};
	int rc = guest_spec_parse(&s, NAME, cpu, text, len, &err);

	if (rc) {
		depth_hit(refused);
		FUZZ_ORACLE(rc == -EINVAL && err.code == rc, "code", "%d", rc);
		FUZZ_ORACLE(!strncmp(err.msg, NAME ":", 6), "names-file", "%s", err.msg);
		return 0;
	}
	FUZZ_ORACLE(s.cpu == cpu, "cpu", "%d", s.cpu);
	count(&s, text, len);
	bounds(&s, len);
	round_trip(&s);
	same_for_all(&s, text, len);
	guest_spec_free(&s);
	return 0;
}
