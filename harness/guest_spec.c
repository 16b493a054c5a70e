/* SPDX-License-Identifier: MIT */
/* The header of a guest test: its `;@ key: value` lines. */
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness_priv.h"

/* Where the parser stands. */
struct at {
	const char *path;
	unsigned line;
	struct err *err;
};

static int bad(const struct at *at, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int bad(const struct at *at, const char *fmt, ...)
{
	char msg[200];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, ap) < 0)
		msg[0] = '\0';
	va_end(ap);
	return err_set(at->err, -EINVAL, "%s:%u: %s", at->path, at->line, msg);
}

static int no_memory(const struct at *at)
{
	return err_set(at->err, -ENOMEM, "%s:%u: no memory", at->path, at->line);
}

const char *guest_cpu_name(enum guest_cpu cpu)
{
	static const char *const names[GUEST_CPUS] = {"any", "kvm", "soft"};

	return (unsigned)cpu < GUEST_CPUS ? names[cpu] : "?";
}

/* GUEST_KVM, GUEST_SOFT or -1. */
static int cpu_by_name(const char *name, size_t len)
{
	for (int i = GUEST_KVM; i < GUEST_CPUS; i++) {
		if (strlen(guest_cpu_name(i)) == len && !memcmp(guest_cpu_name(i), name, len))
			return i;
	}
	return -1;
}

static int known_probe(const struct at *at, const char *name)
{
	for (const struct vm_probe *p = vm_probes; p->name; p++) {
		if (!strcmp(p->name, name))
			return 0;
	}
	return bad(at, "no probe is called '%.40s'; `vise doctor` lists them", name);
}

/* The next word of *s (blanks and commas part words), or NULL. Cuts the text up. */
static char *word(char **s)
{
	char *w = *s + strspn(*s, " \t,"), *end;

	if (!*w)
		return NULL;
	end = w + strcspn(w, " \t,");
	*s = *end ? end + 1 : end;
	*end = '\0';
	return w;
}

static int take(const struct at *at, char **to, const char *value)
{
	char *p = strdup(value);

	if (!p)
		return no_memory(at);
	free(*to);
	*to = p;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Decode \n \r \t \0 \\ \xNN. */
static int take_bytes(const struct at *at, struct guest_bytes *to, const char *v)
{
	static const char from[] = "nrt0\\", into[] = "\n\r\t\0\\";
	char *p = malloc(strlen(v) + 1);
	size_t n = 0;

	if (!p)
		return no_memory(at);
	for (; *v; v++) {
		const char *hit;

		if (*v != '\\') {
			p[n++] = *v;
			continue;
		}
		v++;
		hit = *v ? strchr(from, *v) : NULL;
		if (hit) {
			p[n++] = into[hit - from];
		} else if (*v == 'x' && hex_digit(v[1]) >= 0 && hex_digit(v[2]) >= 0) {
			p[n++] = (char)(hex_digit(v[1]) << 4 | hex_digit(v[2]));
			v += 2;
		} else {
			free(p);
			return bad(at,
				   "unknown escape '\\%.1s'; there are \\n \\r \\t \\0 \\\\ \\xNN",
				   v);
		}
	}
	p[n] = '\0';
	free(to->p);
	*to = (struct guest_bytes){p, n};
	return 0;
}

/* ---- the keys ------------------------------------------------------------------------------------ */

static int key_summary(const struct at *at, struct guest_spec *s, char *v)
{
	return take(at, &s->summary, v);
}

static int key_mode(const struct at *at, struct guest_spec *s, char *v)
{
	static const char *const names[] = {
		[X86_REAL] = "real", [X86_PROT] = "prot", [X86_LONG] = "long"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(v, names[i])) {
			s->mode = (enum x86_mode)i;
			return 0;
		}
	}
	return bad(at, "mode '%.40s' is none of: real prot long", v);
}

static int key_cpu_model(const struct at *at, struct guest_spec *s, char *v)
{
	size_t n;

	if (!x86_cpuid_template(v, &n))
		return bad(at, "cpu-model '%.40s': no CPU has that name", v);
	return take(at, &s->cpu_model, v);
}

static int key_machine(const struct at *at, struct guest_spec *s, char *v)
{
	int machine = vm_machine_find(v);

	/* A test says what it runs on: nothing is guessed from its image. */
	if (machine < 0 || machine == VM_MACHINE_AUTO)
		return bad(at, "machine '%.40s' is none of: test pc", v);
	s->machine = (enum vm_machine)machine;
	return 0;
}

static int key_mem(const struct at *at, struct guest_spec *s, char *v)
{
	if (parse_u64(v, &s->mem) || s->mem < VM_MEM_MIN || s->mem > GMEM_MAX)
		return bad(at, "mem '%.40s' is no size from %llu MiB to %llu GiB", v,
			   VM_MEM_MIN >> 20, GMEM_MAX >> 30);
	return 0;
}

static int key_device(const struct at *at, struct guest_spec *s, char *v)
{
	if (s->nr_devices == GUEST_DEVICES)
		return bad(at, "more than %d devices", GUEST_DEVICES);
	return take(at, &s->devices[s->nr_devices++], v);
}

/* A test brings what it needs: its disk is in memory, and what is on it the test writes. */
static int key_disk(const struct at *at, struct guest_spec *s, char *v)
{
	struct blk *b;
	struct err err = {0};

	if (s->nr_disks == GUEST_DISKS)
		return bad(at, "more than %d disks", GUEST_DISKS);
	if (strncmp(v, "mem:", 4))
		return bad(at, "disk '%.40s' is none in memory: give mem:SIZE or mem:SIZE,ro", v);
	if (blk_open(&b, v, &err))
		return bad(at, "%s", err.msg);
	blk_close(b);
	return take(at, &s->disks[s->nr_disks++], v);
}

/* Likewise: nothing comes from outside. */
static int key_chr(const struct at *at, struct guest_spec *s, char *v)
{
	struct chr c;
	struct err err = {0};

	if (s->nr_chrs == GUEST_CHRS)
		return bad(at, "more than %d chrs", GUEST_CHRS);
	if (chr_is_live(v) || !strncmp(v, "file:", 5))
		return bad(at, "chr '%.40s' is not of the test alone: give buf[:TEXT] or loop", v);
	if (chr_open(&c, v, "", NULL, &err))
		return bad(at, "%s", err.msg);
	chr_fini(&c);
	return take(at, &s->chrs[s->nr_chrs++], v);
}

/* Likewise: what is at the other end is in the text. */
static int key_net(const struct at *at, struct guest_spec *s, char *v)
{
	struct clock clock;
	const struct net_env env = {.clock = &clock};
	struct net *n = NULL;
	struct err err = {0};

	if (s->nr_nets == GUEST_NETS)
		return bad(at, "more than %d nets", GUEST_NETS);
	if (!strncmp(v, "pcap:", 5) || !strncmp(v, "tap:", 4) || !strncmp(v, "user,", 5) ||
	    strstr(v, "out=") || (!strncmp(v, "script:", 7) && v[7] != '='))
		return bad(
			at,
			"net '%.40s' is not of the test alone: give null, loop, peer, user or script:=RULE",
			v);
	/* `user` takes a library: what the host lacks is no fault of the header. */
	clock_init(&clock);
	if (strcmp(v, "user") && net_open(&n, v, &env, &err))
		return bad(at, "%s", err.msg);
	if (strcmp(v, "user"))
		net_close(n);
	return take(at, &s->nets[s->nr_nets++], v);
}

static const char *const load_names[] = {
	[GUEST_FLAT] = "flat",
	[GUEST_MULTIBOOT] = "multiboot",
	[GUEST_MULTIBOOT_ELF] = "multiboot-elf",
	[GUEST_ELF] = "elf",
	[GUEST_BZIMAGE] = "bzimage",
	[GUEST_BZIMAGE_32] = "bzimage-32",
	[GUEST_BZIMAGE_16] = "bzimage-16",
	[GUEST_MULTIBOOT2] = "multiboot2",
	[GUEST_PVH] = "pvh",
	[GUEST_ROM] = "rom",
};

const char *guest_load_name(enum guest_load kind)
{
	return load_names[kind];
}

static int key_load(const struct at *at, struct guest_spec *s, char *v)
{
	for (unsigned i = 0; i < ARRAY_SIZE(load_names); i++) {
		if (!strcmp(v, load_names[i])) {
			s->load = (enum guest_load)i;
			return 0;
		}
	}
	return bad(at,
		   "load '%.40s' is none of: flat multiboot multiboot-elf multiboot2 elf pvh "
		   "bzimage bzimage-32 bzimage-16 rom",
		   v);
}

static int key_cmdline(const struct at *at, struct guest_spec *s, char *v)
{
	return take(at, &s->cmdline, v);
}

static int key_module(const struct at *at, struct guest_spec *s, char *v)
{
	unsigned n = s->nr_modules;
	char *name;
	int rc;

	if (n == GUEST_MODULES)
		return bad(at, "more than %d modules", GUEST_MODULES);
	name = word(&v);
	v += strspn(v, " \t");
	if (!name || !*v)
		return bad(at, "a module is 'NAME contents'");
	s->nr_modules++;
	rc = take(at, &s->module_name[n], name);
	return rc ? rc : take_bytes(at, &s->module[n], v);
}

static int key_initrd(const struct at *at, struct guest_spec *s, char *v)
{
	return take_bytes(at, &s->initrd, v);
}

static int key_input(const struct at *at, struct guest_spec *s, char *v)
{
	return take_bytes(at, &s->input, v);
}

static int key_exit(const struct at *at, struct guest_spec *s, char *v)
{
	uint64_t n;

	if (*v >= 'a' && *v <= 'z') {
		for (const char *c = v; *c; c++) {
			if ((*c < 'a' || *c > 'z') && *c != '-')
				return bad(at, "exit '%.40s' is neither a byte nor how a run ends",
					   v);
		}
		return take(at, &s->end, v);
	}
	if (parse_u64(v, &n) || n > 255)
		return bad(at, "exit '%.40s' is neither a byte nor how a run ends", v);
	s->exit = (uint8_t)n;
	return 0;
}

static int key_serial(const struct at *at, struct guest_spec *s, char *v)
{
	const char *refused;
	char why[80];
	regex_t re;
	int rc;

	s->has_serial = true;
	if (*v != '~')
		return take_bytes(at, &s->serial, v);
	s->serial_re = true;
	v++;
	guest_regex_escapes(v);
	refused = guest_regex_refused(v);
	if (refused)
		return bad(at, "regex %s", refused);
	rc = regcomp(&re, v, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, &re, why, sizeof(why));
		return bad(at, "regex '%.40s': %s", v, why);
	}
	regfree(&re);
	rc = take(at, &s->serial.p, v);
	s->serial.len = rc ? 0 : strlen(v);
	return rc;
}

bool guest_golden_line_ok(const char *line, size_t len)
{
	static const char *const words[] = {"pio", "mmio", "msr", "hlt", "shutdown", "end"};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if (len >= n && !memcmp(line, words[i], n) && (len == n || line[n] == ' '))
			return true;
	}
	return false;
}

static int key_exits(const struct at *at, struct guest_spec *s, char *v)
{
	unsigned lines = 1;

	if (!strncmp(v, "<=", 2)) {
		v += 2;
		v += strspn(v, " \t");
		if (s->has_budget || parse_u64(v, &s->exit_budget))
			return bad(at, "exits '<= %.40s': one number is wanted", v);
		s->has_budget = true;
		return 0;
	}
	if (!guest_golden_line_ok(v, strlen(v)))
		return bad(at, "exits '%.40s': neither a line of a stream nor '<= N'", v);
	for (size_t i = 0; i < s->exits.len; i++)
		lines += s->exits.p[i] == '\n';
	if (lines > GUEST_INLINE)
		return bad(at, "more than %d lines of stream: put them into the test's .exits file",
			   GUEST_INLINE);
	buf_printf(&s->exits, "%s\n", v);
	return s->exits.failed ? no_memory(at) : 0;
}

static int key_timeout(const struct at *at, struct guest_spec *s, char *v)
{
	const bool soft = s->cpu == GUEST_SOFT;
	char *unit = v + strspn(v, "0123456789");
	uint64_t scale = 1;

	/* On soft, time is virtual: an instruction is 1 ns. */
	if (!strcmp(unit, "s"))
		scale = soft ? 1000000000 : 1000;
	else if (!strcmp(unit, "ms"))
		scale = soft ? 1000000 : 1;
	if (!strcmp(unit, "s") || !strcmp(unit, "ms"))
		*unit = '\0';
	if (parse_u64(v, &s->timeout) || !s->timeout ||
	    s->timeout > (soft ? UINT64_MAX : UINT32_MAX) / scale)
		return bad(at,
			   "timeout '%.40s': Ns, Nms or a number, of instructions on soft and "
			   "milliseconds on kvm",
			   v);
	s->timeout *= scale;
	return 0;
}

static int key_needs(const struct at *at, struct guest_spec *s, char *v)
{
	char *w;
	int rc;

	while ((w = word(&v))) {
		if (s->nr_needs == GUEST_NEEDS)
			return bad(at, "needs more than %d probes", GUEST_NEEDS);
		rc = known_probe(at, w);
		if (rc)
			return rc;
		rc = take(at, &s->needs[s->nr_needs++], w);
		if (rc)
			return rc;
	}
	return 0;
}

static int key_xfail(const struct at *at, struct guest_spec *s, char *v)
{
	struct guest_xfail *x = &s->xfail[s->nr_xfail];
	char *cpu, *probe;
	int n, rc;

	if (s->nr_xfail == GUEST_XFAILS)
		return bad(at, "more than %d xfail lines", GUEST_XFAILS);
	cpu = word(&v);
	probe = word(&v);
	v += strspn(v, " \t,");
	if (!cpu || !probe || !*v)
		return bad(at, "an xfail is 'BACKEND PROBE reason'");
	n = cpu_by_name(cpu, strlen(cpu));
	if (n < 0)
		return bad(at, "xfail: back end '%.40s' is none of: kvm soft", cpu);
	rc = known_probe(at, probe);
	if (rc)
		return rc;
	s->nr_xfail++;
	x->cpu = (enum guest_cpu)n;
	rc = take(at, &x->probe, probe);
	return rc ? rc : take(at, &x->reason, v);
}

static int key_compare(const struct at *at, struct guest_spec *s, char *v)
{
	char *probe = word(&v);
	int rc;

	v += strspn(v, " \t,");
	if (!probe || !*v)
		return bad(at, "a compare is 'no reason' or 'PROBE reason'");
	if (strcmp(probe, "no") != 0) {
		rc = known_probe(at, probe);
		if (!rc)
			rc = take(at, &s->compare_probe, probe);
		if (rc)
			return rc;
	}
	return take(at, &s->compare_reason, v);
}

static int key_cpu(const struct at *at, struct guest_spec *s, char *v)
{
	int n = cpu_by_name(v, strlen(v));

	if (n < 0)
		return bad(at, "cpu '%.40s' is none of: kvm soft", v);
	s->only = (enum guest_cpu)n;
	return 0;
}

#define KEY_MANY 1u /* may be given more than once */
#define KEY_ADDS 2u /* a suffixed one comes on top of the plain one */
#define KEY_BARE 4u /* takes no suffix */
#define KEY_VOID 8u /* may have an empty value */

static const struct key {
	const char *name;
	int (*parse)(const struct at *at, struct guest_spec *s, char *v);
	unsigned flags;
} keys[] = {
	{"summary", key_summary, 0},
	{"mode", key_mode, 0},
	{"mem", key_mem, 0},
	{"device", key_device, KEY_MANY},
	{"disk", key_disk, KEY_MANY},
	{"net", key_net, KEY_MANY},
	{"chr", key_chr, KEY_MANY},
	{"cmdline", key_cmdline, 0},
	{"input", key_input, 0},
	{"exit", key_exit, 0},
	{"serial", key_serial, KEY_VOID},
	{"exits", key_exits, KEY_MANY},
	{"timeout", key_timeout, 0},
	{"needs", key_needs, KEY_MANY | KEY_ADDS},
	{"xfail", key_xfail, KEY_MANY | KEY_BARE},
	{"cpu", key_cpu, KEY_BARE},
	{"compare", key_compare, KEY_BARE},
	{"load", key_load, 0},
	{"module", key_module, KEY_MANY},
	{"initrd", key_initrd, 0},
	{"cpu-model", key_cpu_model, 0},
	{"machine", key_machine, 0},
};

static int unknown_key(const struct at *at, const char *name, size_t len)
{
	char list[160] = "";
	size_t used = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, " %s", keys[i].name);
	return bad(at, "unknown key '%.*s'; keys are%s", (int)(len > 24 ? 24 : len), name, list);
}

/* ---- lines --------------------------------------------------------------------------------------- */

struct line {
	unsigned key;
	enum guest_cpu suffix; /* GUEST_ANY: none */
	const char *value;
	size_t len;
};

/* Split `key[.suffix]: value` up and check all but the value. */
static int split_line(const struct at *at, const char *p, size_t len, struct line *l)
{
	const char *colon = memchr(p, ':', len), *dot;
	size_t name_len;
	int cpu;

	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return bad(at, "control character 0x%02x in the header",
				   (unsigned char)p[i]);
	}
	if (!colon)
		return bad(at, "not 'key: value'");
	name_len = (size_t)(colon - p);
	while (name_len && (p[name_len - 1] == ' ' || p[name_len - 1] == '\t'))
		name_len--;
	l->suffix = GUEST_ANY;
	dot = memchr(p, '.', name_len);
	if (dot) {
		cpu = cpu_by_name(dot + 1, (size_t)(p + name_len - dot - 1));
		if (cpu < 0)
			return bad(at, "suffix '%.*s' is none of: .kvm .soft",
				   (int)(p + name_len - dot > 24 ? 24 : p + name_len - dot), dot);
		l->suffix = (enum guest_cpu)cpu;
		name_len = (size_t)(dot - p);
	}
	for (l->key = 0; l->key < ARRAY_SIZE(keys); l->key++) {
		const char *name = keys[l->key].name;

		if (strlen(name) == name_len && !memcmp(name, p, name_len))
			break;
	}
	if (l->key == ARRAY_SIZE(keys))
		return unknown_key(at, p, name_len);
	if (l->suffix && keys[l->key].flags & KEY_BARE)
		return bad(at, "'%s' takes no suffix", keys[l->key].name);
	l->value = colon + 1;
	l->len = len - (size_t)(colon + 1 - p);
	while (l->len && (*l->value == ' ' || *l->value == '\t'))
		l->value++, l->len--;
	while (l->len && (l->value[l->len - 1] == ' ' || l->value[l->len - 1] == '\t'))
		l->len--;
	if (!l->len && !(keys[l->key].flags & KEY_VOID))
		return bad(at, "'%s' has no value", keys[l->key].name);
	return 0;
}

/* The next header line of the text; false at its end. */
static bool next_header(const char **p, const char *end, unsigned *line, const char **text,
			size_t *len)
{
	while (*p < end) {
		const char *start = *p, *nl = memchr(start, '\n', (size_t)(end - start));
		const char *stop = nl ? nl : end;

		*p = nl ? nl + 1 : end;
		++*line;
		while (start < stop && (*start == ' ' || *start == '\t'))
			start++;
		if (stop - start < 2 || start[0] != ';' || start[1] != '@')
			continue;
		start += 2;
		while (start < stop && (*start == ' ' || *start == '\t'))
			start++;
		if (stop > start && stop[-1] == '\r')
			stop--;
		*text = start;
		*len = (size_t)(stop - start);
		return true;
	}
	return false;
}

static int parse_value(const struct at *at, struct guest_spec *s, const struct line *l)
{
	char *v = strndup(l->value ? l->value : "", l->len);
	int rc;

	if (!v)
		return no_memory(at);
	rc = keys[l->key].parse(at, s, v);
	free(v);
	return rc;
}

/* Which keys the header has, by suffix, each line's form checked. */
static int first_pass(struct at *at, const char *text, size_t len, uint32_t seen[GUEST_CPUS])
{
	const char *p = text, *t;
	struct line l = {0};
	size_t n;
	int rc;

	while (next_header(&p, text + len, &at->line, &t, &n)) {
		rc = split_line(at, t, n, &l);
		if (rc)
			return rc;
		if (seen[l.suffix] & 1u << l.key && !(keys[l.key].flags & KEY_MANY))
			return bad(at, "'%s' is given twice", keys[l.key].name);
		seen[l.suffix] |= 1u << l.key;
	}
	return 0;
}

int guest_spec_parse(struct guest_spec *s, const char *path, enum guest_cpu cpu, const char *text,
		     size_t len, struct err *err)
{
	/* Values that are not for (cpu) are checked all the same, each back end's apart. */
	struct guest_spec other[GUEST_CPUS] = {{0}};
	struct at at = {path, 0, err};
	uint32_t seen[GUEST_CPUS] = {0};
	const char *p = text, *t;
	struct line l = {0};
	size_t n;
	int rc;

	*s = (struct guest_spec){.cpu = cpu, .mode = X86_LONG, .machine = VM_MACHINE_TEST};
	if (len > GUEST_FILE_MAX)
		return err_set(err, -EINVAL, "%s: larger than %" PRIu64 " bytes", path,
			       GUEST_FILE_MAX);
	s->path = strdup(path);
	rc = s->path ? first_pass(&at, text, len, seen) : no_memory(&at);
	at.line = 0;
	while (!rc && next_header(&p, text + len, &at.line, &t, &n)) {
		bool own, hidden;

		rc = split_line(&at, t, n, &l);
		if (rc)
			break;
		own = l.suffix == GUEST_ANY || l.suffix == cpu;
		hidden = l.suffix == GUEST_ANY && cpu != GUEST_ANY && seen[cpu] & 1u << l.key &&
			 !(keys[l.key].flags & KEY_ADDS);
		rc = parse_value(&at, own && !hidden ? s : &other[l.suffix], &l);
	}
	if (!rc && !s->summary) {
		at.line = 1;
		rc = bad(&at,
			 "the header has no ';@ summary: ...' line, which says what is tested");
	}
	for (unsigned i = 0; i < GUEST_CPUS; i++)
		guest_spec_free(&other[i]);
	if (rc)
		guest_spec_free(s);
	return rc;
}

void guest_spec_free(struct guest_spec *s)
{
	free(s->path);
	free(s->summary);
	for (unsigned i = 0; i < s->nr_devices; i++)
		free(s->devices[i]);
	for (unsigned i = 0; i < s->nr_disks; i++)
		free(s->disks[i]);
	for (unsigned i = 0; i < s->nr_nets; i++)
		free(s->nets[i]);
	for (unsigned i = 0; i < s->nr_chrs; i++)
		free(s->chrs[i]);
	free(s->cmdline);
	free(s->input.p);
	free(s->initrd.p);
	for (unsigned i = 0; i < s->nr_modules; i++) {
		free(s->module[i].p);
		free(s->module_name[i]);
	}
	free(s->end);
	free(s->serial.p);
	buf_free(&s->exits);
	for (unsigned i = 0; i < s->nr_needs; i++)
		free(s->needs[i]);
	for (unsigned i = 0; i < s->nr_xfail; i++) {
		free(s->xfail[i].probe);
		free(s->xfail[i].reason);
	}
	free(s->cpu_model);
	free(s->compare_probe);
	free(s->compare_reason);
	*s = (struct guest_spec){0};
}
