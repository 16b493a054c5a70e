/* SPDX-License-Identifier: MIT */
/* A guest's header as canonical text, which parses to an equal spec: for tests and for people. */
#include <inttypes.h>
#include <string.h>

#include "harness_priv.h"

static void put_bytes(struct buf *out, const char *key, const char *name,
		      const struct guest_bytes *b)
{
	buf_printf(out, ";@ %s: %s%s", key, name ? name : "", name ? " " : "");
	for (size_t i = 0; i < b->len; i++) {
		unsigned char c = (unsigned char)b->p[i];
		/* Blanks at an end are cut off by the parser, and a first '~' means a regex. */
		bool edge = i == 0 || i == b->len - 1;

		if (c == '\\')
			buf_put(out, "\\\\", 2);
		else if (c < 0x20 || c == 0x7f || (edge && (c == ' ' || c == '~' || c == ',')))
			buf_printf(out, "\\x%02x", c);
		else
			buf_put(out, &b->p[i], 1);
	}
	buf_put(out, "\n", 1);
}

/*
 * A backslash is written with what it quotes, as it is: the parser reads them as a pair too, and a
 * quoted tab that became `\\t` would read back as a quoted backslash and a t.
 */
static void put_regex(struct buf *out, const char *re)
{
	buf_printf(out, ";@ serial: ~");
	for (; *re; re++) {
		if (*re == '\\' && re[1])
			buf_put(out, re++, 2);
		else if (*re == '\n' || *re == '\r' || *re == '\t')
			buf_put(out, *re == '\n' ? "\\n" : *re == '\r' ? "\\r" : "\\t", 2);
		else
			buf_put(out, re, 1);
	}
	buf_put(out, "\n", 1);
}

void guest_spec_format(const struct guest_spec *s, struct buf *out)
{
	static const char *const modes[] = {"real", "prot", "long"};

	buf_printf(out, ";@ summary: %s\n;@ mode: %s\n;@ load: %s\n", s->summary, modes[s->mode],
		   guest_load_name(s->load));
	if (s->mem)
		buf_printf(out, ";@ mem: %" PRIu64 "\n", s->mem);
	for (unsigned i = 0; i < s->nr_devices; i++)
		buf_printf(out, ";@ device: %s\n", s->devices[i]);
	for (unsigned i = 0; i < s->nr_disks; i++)
		buf_printf(out, ";@ disk: %s\n", s->disks[i]);
	for (unsigned i = 0; i < s->nr_nets; i++)
		buf_printf(out, ";@ net: %s\n", s->nets[i]);
	for (unsigned i = 0; i < s->nr_chrs; i++)
		buf_printf(out, ";@ chr: %s\n", s->chrs[i]);
	if (s->cmdline)
		buf_printf(out, ";@ cmdline: %s\n", s->cmdline);
	for (unsigned i = 0; i < s->nr_modules; i++)
		put_bytes(out, "module", s->module_name[i], &s->module[i]);
	if (s->initrd.p)
		put_bytes(out, "initrd", NULL, &s->initrd);
	if (s->input.p)
		put_bytes(out, "input", NULL, &s->input);
	if (s->end)
		buf_printf(out, ";@ exit: %s\n", s->end);
	else
		buf_printf(out, ";@ exit: %u\n", s->exit);
	if (s->has_serial && s->serial_re)
		put_regex(out, s->serial.p);
	else if (s->has_serial)
		put_bytes(out, "serial", NULL, &s->serial);
	if (s->has_budget)
		buf_printf(out, ";@ exits: <= %" PRIu64 "\n", s->exit_budget);
	for (const char *p = s->exits.p; p && *p;) {
		size_t n = strcspn(p, "\n");

		buf_printf(out, ";@ exits: %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	if (s->timeout)
		buf_printf(out, ";@ timeout: %" PRIu64 "\n", s->timeout);
	for (unsigned i = 0; i < s->nr_needs; i++)
		buf_printf(out, ";@ needs: %s\n", s->needs[i]);
	for (unsigned i = 0; i < s->nr_xfail; i++)
		buf_printf(out, ";@ xfail: %s %s %s\n", guest_cpu_name(s->xfail[i].cpu),
			   s->xfail[i].probe, s->xfail[i].reason);
	if (s->only)
		buf_printf(out, ";@ cpu: %s\n", guest_cpu_name(s->only));
	if (s->cpu_model)
		buf_printf(out, ";@ cpu-model: %s\n", s->cpu_model);
	if (s->machine != VM_MACHINE_TEST)
		buf_printf(out, ";@ machine: %s\n", vm_machine_name(s->machine));
	if (s->compare_reason)
		buf_printf(out, ";@ compare: %s %s\n", s->compare_probe ? s->compare_probe : "no",
			   s->compare_reason);
}
