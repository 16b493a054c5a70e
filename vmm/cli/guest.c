/* SPDX-License-Identifier: MIT */
/* GUEST and the options around it become a machine: for run and trace. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm/kvm.h>

#include "cli.h"

#define FILE_MAX       ((uint64_t)1 << 30) /* bytes of an image, initrd or module */
#define INPUT_MAX      ((uint64_t)16 << 20)
#define FOREIGN_SAMPLE 256u

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

/* Read a file that the guest keeps until it is closed. */
static int read_kept(struct cli_guest *g, const char *path, uint64_t max, struct load_blob *blob,
		     struct err *err)
{
	void *p;
	size_t len;

	if (g->nr_files == ARRAY_SIZE(g->files)) {
		err_set(err, -E2BIG, "%s: too many files", path);
		return ST_USAGE;
	}
	if (file_read(path, max, &p, &len, err))
		return ST_START;
	g->files[g->nr_files++] = p;
	blob->data = p;
	blob->len = len;
	return 0;
}

/*
 * A file that is no kernel would run as a flat image and fail somehow: say what it is instead.
 * NULL: it may be a flat image.
 */
static const char *foreign(const unsigned char *p, size_t len)
{
	static const struct {
		const char *magic;
		unsigned len;
		const char *what;
	} kinds[] = {
		{"\x7f"
		 "ELF",
		 4, "an ELF file that is not for x86"},
		{"\x1f\x8b", 2, "compressed with gzip"},
		{"\xfd"
		 "7zXZ",
		 5, "compressed with xz"},
		{"\x28\xb5\x2f\xfd", 4, "compressed with zstd"},
		{"BZh", 3, "compressed with bzip2"},
		{"PK\x03\x04", 4, "a zip archive"},
		{"\x89PNG", 4, "a picture"},
		{"%PDF", 4, "a PDF file"},
		{"!<arch>", 7, "an archive of objects"},
		{"070701", 6, "a cpio archive: give it as --initrd"},
		{"QFI\xfb", 4, "a disk image"},
	};
	size_t sample = len < FOREIGN_SAMPLE ? len : FOREIGN_SAMPLE, text = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (len >= kinds[i].len && !memcmp(p, kinds[i].magic, kinds[i].len))
			return kinds[i].what;
	}
	for (size_t i = 0; i < sample; i++)
		text += (p[i] >= 0x20 && p[i] < 0x7f) || p[i] == '\n' || p[i] == '\t' ||
			p[i] == '\r';
	return sample >= 16 && text == sample ? "text (a guest's source ends in .asm)" : NULL;
}

static int parse_mode(const struct guest_opts *o, struct load_req *req, struct err *err)
{
	static const char *const names[] = {
		[X86_REAL] = "real", [X86_PROT] = "prot", [X86_LONG] = "long"};

	req->base = GUEST_BASE;
	req->mode = X86_REAL;
	if (o->base_text && parse_u64(o->base_text, &req->base)) {
		err_set(err, -EINVAL, "--base '%.40s': not an address", o->base_text);
		return ST_USAGE;
	}
	if (!o->mode)
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(o->mode, names[i])) {
			req->mode = (enum x86_mode)i;
			return 0;
		}
	}
	err_set(err, -EINVAL, "--mode '%.40s' is none of: real prot long", o->mode);
	return ST_USAGE;
}

/* Kernels expect their name as the first word of the command line: it may hold no blank. */
static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strpbrk(path, " \t") ? NULL : slash ? slash + 1 : path;
}

static int open_rom(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	if (o->base_text || o->mode) {
		err_set(err, -EINVAL,
			"--rom: a ROM lies at the top of 4 GiB and starts in real "
			"mode; --base and --mode are for flat images");
		return ST_USAGE;
	}
	g->spec.load.kind = LOAD_ROM;
	return read_kept(g, o->rom, FILE_MAX, &g->spec.load.image, err);
}

static int open_image(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	struct load_req *req = &g->spec.load;
	const char *what;
	int st = read_kept(g, g->name, FILE_MAX, &req->image, err);

	if (st)
		return st;
	if (!req->image.len) {
		err_set(err, -ENOEXEC, "%s: the file is empty: no guest is in it", g->name);
		return ST_START;
	}
	st = parse_mode(o, req, err);
	if (st)
		return st;
	req->image.cmdline = file_name(g->name);
	req->kind =
		o->base_text || o->mode ? LOAD_FLAT : load_detect(req->image.data, req->image.len);
	if (req->kind != LOAD_FLAT || o->base_text || o->mode)
		return 0;
	what = foreign(req->image.data, req->image.len);
	if (!what)
		return 0;
	err_set(err, -ENOEXEC, "%s: %s, not a guest; --base ADDRESS runs any bytes as a flat image",
		g->name, what);
	return ST_START;
}

/* What the header says, or what a guest test has when it says nothing, unless told otherwise. */
static void set_limits(struct cli_guest *g)
{
	uint64_t timeout = g->header.timeout;

	if (g->spec.cpu != VM_CPU_SOFT)
		g->lim.wall_ms = g->lim.wall_ms ? g->lim.wall_ms
				 : timeout	? timeout
						: GUEST_TIMEOUT_KVM;
	else if (!g->lim.wall_ms && !g->lim.budget)
		g->lim.budget = timeout ? timeout : GUEST_TIMEOUT_SOFT;
}

/* A .asm: its header is honoured, its image built or taken from the cache. */
static int open_asm(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	char *lib = NULL, *cache = NULL, *image = NULL;
	int rc, st = ST_START;

	if (o->base_text || o->mode) {
		err_set(err, -EINVAL,
			"%s: a .asm says by its header how it is entered, not by --mode "
			"or --base",
			g->name);
		return ST_USAGE;
	}
	/* A script plays what kvm has seen. */
	rc = guest_spec_read(&g->header, g->name,
			     g->spec.cpu == VM_CPU_SOFT ? GUEST_SOFT : GUEST_KVM, err);
	if (rc)
		return ST_START;
	g->has_header = true;
	rc = guest_lib_dir(&lib, err);
	if (!rc)
		rc = guest_cache_dir(&cache, err);
	if (!rc)
		rc = guest_assemble(&g->header, cache, lib, &image, err);
	if (!rc) {
		enum vm_cpu cpu = g->spec.cpu;
		struct load_blob blob = {0};

		guest_vm_spec(&g->header, g->dev, &g->spec);
		g->spec.cpu = cpu;
		st = read_kept(g, image, FILE_MAX, &blob, err);
		g->spec.load.image = blob;
	}
	set_limits(g);
	free(lib);
	free(cache);
	free(image);
	return rc ? ST_START : st;
}

/* "FILE[,STRING]" */
static int open_module(struct cli_guest *g, const char *arg, struct err *err)
{
	struct load_req *req = &g->spec.load;
	const char *comma = strchr(arg, ',');
	struct load_blob *blob;
	char *path;
	int st;

	if (req->nr_mods == LOAD_MODULES) {
		err_set(err, -E2BIG, "more than %d modules", LOAD_MODULES);
		return ST_USAGE;
	}
	path = comma ? strndup(arg, (size_t)(comma - arg)) : strdup(arg);
	if (!path) {
		err_set(err, -ENOMEM, "no memory");
		return ST_START;
	}
	blob = &req->mods[req->nr_mods++];
	st = read_kept(g, path, FILE_MAX, blob, err);
	blob->cmdline = comma ? comma + 1 : arg;
	free(path);
	return st;
}

/* The kernel looks for the next archive on 4 bytes; zeroes between are fine. */
#define INITRD_ALIGN 4u

#define INITRAMFS_MAX ((uint64_t)4 << 30) /* unpacked, where --mem says nothing */

static int read_initrd(struct cli_guest *g, const char *path, struct load_blob *blob,
		       struct err *err)
{
	uint64_t max = g->spec.mem ? g->spec.mem : INITRAMFS_MAX;
	int st = read_kept(g, path, FILE_MAX, blob, err);

	if (st || !load_check_initramfs(blob->data, blob->len, max, err))
		return st;
	err_prefix(err, "%s", path);
	return ST_START;
}

/* Several RAM disks are one after the other: each adds to, and replaces files of, those before. */
static int join_initrds(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	struct load_blob part[OPT_MANY] = {0}, *all = &g->spec.load.initrd;
	size_t len = 0;
	uint8_t *p;

	if (o->initrds.n == 1)
		return read_initrd(g, o->initrds.v[0], all, err);
	for (unsigned i = 0; i < o->initrds.n; i++) {
		int st = read_initrd(g, o->initrds.v[i], &part[i], err);

		if (st)
			return st;
		len += align_up(part[i].len, INITRD_ALIGN);
	}
	p = calloc(1, len ? len : 1);
	if (!p) {
		err_set(err, -ENOMEM, "no memory for initrds of %zu bytes", len);
		return ST_START;
	}
	g->files[g->nr_files++] = p;
	*all = (struct load_blob){p, len, NULL};
	for (unsigned i = 0; i < o->initrds.n; i++) {
		memcpy(p, part[i].data, part[i].len);
		p += align_up(part[i].len, INITRD_ALIGN);
	}
	return 0;
}

static int set_boot(struct load_req *req, const struct guest_opts *o, struct err *err)
{
	if (!o->boot || !load_boot_parse(o->boot, &req->boot))
		return 0;
	err_set(err, -EINVAL, "--boot '%.40s' is none of: auto direct guest 64 32 16 pvh", o->boot);
	return ST_USAGE;
}

/* What comes on top of the image or the header. */
static int add_options(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	struct vm_spec *spec = &g->spec;
	struct load_blob in = {0};
	int st;

	for (unsigned i = 0; i < o->devices.n; i++)
		g->dev[spec->nr_devices++] = o->devices.v[i];
	spec->devices = g->dev;
	for (unsigned i = 0; i < spec->nr_disks; i++)
		g->disk[i] = spec->disks[i];
	for (unsigned i = 0; i < o->disks.n; i++)
		g->disk[spec->nr_disks++] = o->disks.v[i];
	spec->disks = g->disk;
	for (unsigned i = 0; i < spec->nr_nets; i++)
		g->net[i] = spec->nets[i];
	for (unsigned i = 0; i < o->nets.n; i++)
		g->net[spec->nr_nets++] = o->nets.v[i];
	spec->nets = g->net;
	for (unsigned i = 0; i < spec->nr_chrs; i++)
		g->chr[i] = spec->chrs[i];
	for (unsigned i = 0; i < o->chrs.n; i++)
		g->chr[spec->nr_chrs++] = o->chrs.v[i];
	spec->chrs = g->chr;
	spec->serial = o->serial;
	spec->vsock = o->vsock;
	spec->record = o->record;
	spec->replay = o->replay;
	if (o->serial && o->input) {
		err_set(err, -EINVAL,
			"--input is what the serial port receives: it goes without "
			"--serial");
		return ST_USAGE;
	}
	if (o->cpu_model)
		spec->cpu_model = o->cpu_model;
	if (o->cmdline)
		spec->load.cmdline = o->cmdline;
	st = set_boot(&spec->load, o, err);
	if (!st && o->initrds.n)
		st = join_initrds(g, o, err);
	for (unsigned i = 0; i < o->modules.n && !st; i++)
		st = open_module(g, o->modules.v[i], err);
	if (!st && o->input) {
		st = read_kept(g, o->input, INPUT_MAX, &in, err);
		spec->input = in.data;
		spec->input_len = in.len;
	}
	return st;
}

static int set_mem(struct vm_spec *spec, const struct guest_opts *o, struct err *err)
{
	uint64_t mem;

	if (!o->mem_text)
		return 0;
	if (parse_u64(o->mem_text, &mem)) {
		err_set(err, -EINVAL, "--mem '%.40s': not a size; write 16M or 1G", o->mem_text);
		return ST_USAGE;
	}
	if (mem < VM_MEM_MIN || mem > GMEM_MAX) {
		err_set(err, -EINVAL, "--mem %.40s: a machine has from %lluM to %lluG of RAM",
			o->mem_text, VM_MEM_MIN >> 20, GMEM_MAX >> 30);
		return ST_USAGE;
	}
	if (mem % GMEM_PAGE) {
		err_set(err, -EINVAL, "--mem %.40s: not a multiple of %llu bytes", o->mem_text,
			GMEM_PAGE);
		return ST_USAGE;
	}
	spec->mem = mem;
	return 0;
}

static int set_machine(struct vm_spec *spec, const struct guest_opts *o, struct err *err)
{
	int machine;

	if (!o->machine)
		return 0;
	machine = vm_machine_find(o->machine);
	if (machine < 0) {
		err_set(err, -EINVAL, "--machine '%.40s' is none of: auto test pc", o->machine);
		return ST_USAGE;
	}
	spec->machine = (enum vm_machine)machine;
	return 0;
}

static bool is_script(const char *cpu)
{
	return cpu && !strncmp(cpu, "script:", 7) && cpu[7];
}

static int set_cpu(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	g->spec.cpu = VM_CPU_SOFT;
	if (!o->cpu || !strcmp(o->cpu, "soft"))
		return 0;
	if (!strcmp(o->cpu, "kvm")) {
		g->spec.cpu = VM_CPU_KVM;
		return 0;
	}
	if (is_script(o->cpu)) {
		g->spec.cpu = VM_CPU_SCRIPT;
		return 0;
	}
	err_set(err, -EINVAL, "--cpu '%.40s': back ends are soft, kvm and script:FILE", o->cpu);
	return ST_USAGE;
}

static int open_script(struct cli_guest *g, const struct guest_opts *o, struct err *err)
{
	struct load_blob script;
	int st;

	if (g->spec.cpu != VM_CPU_SCRIPT)
		return 0;
	st = read_kept(g, o->cpu + 7, INPUT_MAX, &script, err);
	if (st)
		return st;
	g->spec.script = script.data;
	g->spec.script_len = script.len;
	return 0;
}

int cli_guest_open(struct cli_guest *g, const struct guest_opts *o, int argc, char **argv,
		   struct err *err)
{
	int st;

	*g = (struct cli_guest){0};
	st = set_cpu(g, o, err);
	if (st)
		return st;
	g->lim.budget = o->limit;
	g->lim.wall_ms = o->timeout;
	if (argc && o->kernel) {
		err_set(err, -EINVAL, "GUEST and --kernel are the same: give one of them");
		return ST_USAGE;
	}
	if (o->rom && (argc || o->kernel)) {
		err_set(err, -EINVAL, "--rom is the guest: give no other");
		return ST_USAGE;
	}
	g->name = argc ? argv[0] : o->rom ? o->rom : o->kernel;
	if (!g->name && g->spec.cpu != VM_CPU_SCRIPT) {
		err_set(err, -EINVAL, "no guest: give a .asm, a built image or a kernel");
		return ST_USAGE;
	}
	if (o->rom)
		st = open_rom(g, o, err);
	else if (g->name)
		st = ends_in(g->name, ".asm") ? open_asm(g, o, err) : open_image(g, o, err);
	else
		g->name = o->cpu;
	if (!st)
		st = set_mem(&g->spec, o, err);
	if (!st)
		st = set_machine(&g->spec, o, err);
	if (!st)
		st = open_script(g, o, err);
	if (!st)
		st = add_options(g, o, err);
	g->spec.seed = o->seed;
	g->spec.no_finish = o->no_finish;
	if (st)
		cli_guest_close(g);
	return st;
}

void cli_guest_close(struct cli_guest *g)
{
	for (unsigned i = 0; i < g->nr_files; i++)
		free(g->files[i]);
	g->nr_files = 0;
	if (g->has_header)
		guest_spec_free(&g->header);
	g->has_header = false;
}

void cli_guest_loaded(struct cli_guest *g)
{
	struct load_blob *done[] = {&g->spec.load.image, &g->spec.load.initrd};

	for (unsigned i = 0; i < ARRAY_SIZE(done); i++) {
		for (unsigned k = 0; k < g->nr_files; k++) {
			if (g->files[k] != done[i]->data)
				continue;
			free(g->files[k]);
			g->files[k] = NULL;
		}
		*done[i] = (struct load_blob){0};
	}
}

/* Was it KVM that was missing? Then (err) says so, and what there is without it. */
static bool no_kvm(struct err *err)
{
	struct kvm k = {.fd = -1};
	struct err why = {0};
	int rc = kvm_open(&k, NULL, &why);

	if (!rc) {
		kvm_close(&k);
		return false;
	}
	err_set(err, rc, "%s; --cpu soft, the default, runs guests without KVM", why.msg);
	return true;
}

int cli_guest_start(struct cli_guest *g, struct vm **vm, struct err *err)
{
	bool own_devices = g->spec.nr_devices > (g->has_header ? g->header.nr_devices : 0);
	int rc = vm_new(vm, &g->spec, err);

	if (!rc) {
		if (g->has_header)
			vm_set_pass_code(*vm, g->header.exit);
		return 0;
	}
	if (g->spec.cpu == VM_CPU_KVM && no_kvm(err))
		return ST_START;
	if (g->has_header && !own_devices)
		err_prefix(err, "%s", g->name);
	return rc == -EINVAL && own_devices ? ST_USAGE : ST_START;
}

void cli_guest_run(const struct cli_guest *g, struct vm *vm, struct vm_result *res)
{
	struct err err = {0};

	vm_run(vm, &g->lim, res);
	if (vm_close_record(vm, &err)) {
		res->verdict = VM_ERROR;
		res->status = ST_START;
		(void)snprintf(res->reason, sizeof(res->reason), "%.230s", err.msg);
	}
	/* `exit: shutdown`: the way in which it ends is what passes. */
	if (!g->has_header || !g->header.end || !res->end || res->assert_line ||
	    res->verdict == VM_ERROR || res->verdict == VM_SKIP)
		return;
	if (!strcmp(res->end, g->header.end)) {
		res->verdict = VM_PASS;
		res->status = ST_PASS;
	} else if (res->verdict == VM_PASS) {
		res->verdict = VM_FAIL;
		res->status = ST_FAIL;
	}
}

/* ---- how it ended -------------------------------------------------------------------------------- */

static void put_result(struct buf *b, const char *verdict, int status, int guest, const char *cpu,
		       const uint64_t *icount, uint64_t exits, bool deterministic,
		       const uint64_t *hash, const char *reason)
{
	buf_printf(b, "{\"verdict\":\"%s\",\"status\":%d,\"guest\":", verdict, status);
	if (guest >= 0)
		buf_printf(b, "%d", guest);
	else
		buf_printf(b, "null");
	buf_printf(b, ",\"cpu\":\"%s\",\"icount\":", cpu);
	if (icount)
		buf_printf(b, "%" PRIu64, *icount);
	else
		buf_printf(b, "null");
	buf_printf(b, ",\"exits\":%" PRIu64 ",\"deterministic\":%s,\"hash\":", exits,
		   deterministic ? "true" : "false");
	if (hash)
		buf_printf(b, "\"%016" PRIx64 "\"", *hash);
	else
		buf_printf(b, "null");
	buf_printf(b, ",\"reason\":");
	buf_put_json(b, reason, strlen(reason));
	buf_printf(b, "}\n");
}

void cli_result_json(const struct cli_guest *g, struct vm *vm, const struct vm_result *res, FILE *f)
{
	struct buf b = {0};
	uint64_t hash;
	bool hashed = !vm_hash(vm, &hash, NULL);

	put_result(&b, vm_verdict_name(res->verdict), res->status, res->guest,
		   vm_cpu_name(g->spec.cpu), res->has_icount ? &res->icount : NULL, res->exits,
		   res->deterministic, hashed ? &hash : NULL, res->reason);
	fputs(buf_str(&b), f);
	buf_free(&b);
}

void cli_error_json(const struct guest_opts *o, int status, const char *why, FILE *f)
{
	struct buf b = {0};

	put_result(&b, "error", status, -1,
		   is_script(o->cpu)		      ? "script"
		   : o->cpu && !strcmp(o->cpu, "kvm") ? "kvm"
						      : "soft",
		   NULL, 0, true, NULL, why);
	fputs(buf_str(&b), f);
	buf_free(&b);
}

void cli_result_line(const struct cli_guest *g, const struct vm_result *res, FILE *f)
{
	char count[48] = "";

	if (res->has_icount)
		snprintf(count, sizeof(count), "%" PRIu64 " instructions, ", res->icount);
	fprintf(f, "vise: %s: %s: %s (%s%" PRIu64 " exits)\n", g->name,
		vm_verdict_name(res->verdict), res->reason, count, res->exits);
	if (res->finished)
		fprintf(f,
			"vise: %s: %" PRIu64
			" instruction%s that KVM cannot emulate finished on soft\n",
			g->name, res->finished, res->finished == 1 ? "" : "s");
	if (res->assert_line)
		fprintf(f, "vise: %s:%" PRIu32 ": got 0x%" PRIx64 ", want 0x%" PRIx64 "\n", g->name,
			res->assert_line, res->assert_got, res->assert_want);
}
