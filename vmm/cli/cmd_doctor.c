/* SPDX-License-Identifier: MIT */
/* vise doctor: what this host allows, and what to do about the rest. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <vmm/cpu.h>
#include <vmm/kvm.h>
#include <vmm/unpack.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "cli.h"

struct doctor_opts {
	bool json;
};

static const struct opt opts[] = {
	{"json", 0, OPT_FLAG, offsetof(struct doctor_opts, json), NULL, "one JSON object", 0, 0},
	{NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0},
};

/* What Vise uses or would use, by KVM's names. */
static const struct {
	const char *name;
	long cap;
	const char *what;
} caps[] = {
	{"USER_MEMORY", KVM_CAP_USER_MEMORY, "guest memory from ours (needed)"},
	{"NR_MEMSLOTS", KVM_CAP_NR_MEMSLOTS, "how many memory slots"},
	{"READONLY_MEM", KVM_CAP_READONLY_MEM, "ROM"},
	{"IMMEDIATE_EXIT", KVM_CAP_IMMEDIATE_EXIT, "stops at an instruction boundary (needed)"},
	{"VCPU_EVENTS", KVM_CAP_VCPU_EVENTS, "pending events saved and injected"},
	{"SET_GUEST_DEBUG", KVM_CAP_SET_GUEST_DEBUG, "single steps and breakpoints"},
	{"DEBUGREGS", KVM_CAP_DEBUGREGS, "debug registers saved"},
	{"XCRS", KVM_CAP_XCRS, "XCR0 saved"},
	{"X86_USER_SPACE_MSR", KVM_CAP_X86_USER_SPACE_MSR, "unknown MSRs exit to us"},
	{"X86_MSR_FILTER", KVM_CAP_X86_MSR_FILTER, "chosen MSRs exit to us"},
	{"EXIT_ON_EMULATION_FAILURE", 204, "failed emulation exits with its bytes"},
	{"SYNC_REGS", KVM_CAP_SYNC_REGS, "registers in the run mapping"},
	{"DISABLE_QUIRKS2", 213, "KVM's quirks can be turned off"},
	{"TRIPLE_FAULT_EVENT", 218, "a pending triple fault is saved"},
};

/* What Vise starts or is built with. */
static const struct {
	const char *name, *what, *package;
} tools[] = {
	{"nasm", "assembles guests", "nasm"},
	{"ld", "links guests", "binutils"},
	{"objcopy", "makes guest images", "binutils"},
	{"make", "builds fuzz targets", "make"},
	{"cc", "compiles", "gcc"},
	{"clang", "libFuzzer, sanitizers, coverage", "clang"},
	{"llvm-symbolizer", "names in sanitizer reports", "llvm"},
	{"llvm-cov", "coverage", "llvm"},
	{"afl-fuzz", "the second fuzzing engine", "afl++ (apt), american-fuzzy-lop (dnf)"},
	{"afl-clang-fast", "builds targets for it", "afl++ (apt), american-fuzzy-lop (dnf)"},
	{"genhtml", "coverage as HTML", "lcov"},
	{"qemu-system-x86_64", "a second opinion on kernels", "qemu-system-x86"},
};

static const struct {
	const char *name, *header, *what, *package;
} libraries[] = {
	{"Zydis", "/usr/include/Zydis/Zydis.h", "decodes instructions (inside this program)",
	 "libzydis-dev (apt), zydis-devel (dnf)"},
	{"cmocka", "/usr/include/cmocka.h", "unit tests",
	 "libcmocka-dev (apt), libcmocka-devel (dnf)"},
};

struct out {
	bool json;
	struct buf b;
	unsigned items;
};

/* One finding of the doctor's: (holds) or not, and what to do in that case. */
static void item(struct out *o, const char *name, bool holds, const char *what, const char *detail,
		 const char *way_out)
{
	struct buf *b = &o->b;

	if (!o->json) {
		buf_printf(b, "  %-3s %-28s %s", holds ? "yes" : "no", name, what);
		if (detail && *detail)
			buf_printf(b, " (%s)", detail);
		buf_printf(b, "\n");
		if (!holds && way_out)
			buf_printf(b, "      -> %s\n", way_out);
		return;
	}
	buf_printf(b, "%s{\"name\":", o->items++ ? "," : "");
	buf_put_json(b, name, strlen(name));
	buf_printf(b, ",\"holds\":%s,\"what\":", holds ? "true" : "false");
	buf_put_json(b, what, strlen(what));
	buf_printf(b, ",\"detail\":");
	if (detail)
		buf_put_json(b, detail, strlen(detail));
	else
		buf_printf(b, "null");
	buf_printf(b, ",\"way_out\":");
	if (!holds && way_out)
		buf_put_json(b, way_out, strlen(way_out));
	else
		buf_printf(b, "null");
	buf_printf(b, "}");
}

static void section(struct out *o, const char *title, const char *key)
{
	if (o->json)
		buf_printf(&o->b, "%s\"%s\":[", o->b.len > 1 ? "]," : "", key);
	else
		buf_printf(&o->b, "%s%s\n", o->b.len ? "\n" : "", title);
	o->items = 0;
}

/* What guests of the newest CPU model do not see here. */
static void check_model(struct out *o, const char *model)
{
	struct buf lacks = {0};
	struct err err = {0};
	char name[24];
	const struct x86_cpuid *t;
	size_t n = 0;
	int r;

	t = x86_cpuid_template(model, &n);
	buf_printf(&lacks, "all but");
	r = cpu_kvm_lacks(t, n, &lacks, &err);
	snprintf(name, sizeof(name), "cpu-model %s", model);
	item(o, name, !r, "KVM guests get all of this CPU model",
	     r < 0 ? err.msg : (r ? buf_str(&lacks) : NULL),
	     "they run without what is named: another host may have it, soft has");
	buf_free(&lacks);
}

static void check_kvm(struct out *o, bool *usable)
{
	struct err err = {0};
	struct kvm k = {.fd = -1};
	int rc = kvm_open(&k, NULL, &err);
	char value[24];

	*usable = !rc;
	section(o, "KVM", "kvm");
	item(o, "/dev/kvm", !rc, "guests run on the hardware's virtualization", rc ? err.msg : NULL,
	     rc == -ENOENT
		     ? "load kvm_intel or kvm_amd, turn virtualization on in the firmware; "
		       "without it: --cpu script:FILE"
		     : "join the group kvm (usermod -aG kvm USER, then log in again); without "
		       "it: --cpu script:FILE");
	if (!rc)
		check_model(o, "v2");
	section(o, "KVM's capabilities", "capabilities");
	for (unsigned i = 0; !rc && i < ARRAY_SIZE(caps); i++) {
		int n = kvm_check(&k, caps[i].cap);

		snprintf(value, sizeof(value), "%d", n);
		item(o, caps[i].name, n > 0, caps[i].what, n > 1 ? value : NULL,
		     "a newer host kernel may have it");
	}
	if (!rc)
		kvm_close(&k);
}

#ifdef __x86_64__
static void cpuid_text(uint32_t leaf, const char *order, char *text)
{
	uint32_t r[4] = {0};

	__cpuid(leaf, r[0], r[1], r[2], r[3]);
	for (; *order; order++, text += 4)
		memcpy(text, &r[*order - 'a'], 4);
	*text = '\0';
}

#define SPIN	 20000000u
#define SPIN_MAX 200000000u /* nanoseconds of CPU time: 200 million instructions a second */

/* One of three tries will do: what else runs on the CPU costs it some time too. */
static bool spins_natively(void)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		struct timespec a, b;
		uint64_t n = SPIN;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		if ((uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)b.tv_nsec <
		    (uint64_t)a.tv_nsec + SPIN_MAX)
			return true;
	}
	return false;
}
#endif

/* Does what a program executes here come from silicon? QEMU's TCG says that it is one. */
static void check_silicon(struct out *o)
{
	const char *what = "programs run on a real x86-64 CPU: build/dev/silicon compares the "
			   "software CPU with it";
	char text[64] = "no x86-64";
	bool real = false;

	section(o, "The host's CPU", "cpu");
#ifdef __x86_64__
	{
		char brand[49] = "", vendor[13], over[13] = "";
		uint32_t a, b, c, d;

		cpuid_text(0, "bdc", vendor);
		__cpuid(1, a, b, c, d);
		if (c >> 31)
			cpuid_text(0x40000000, "bcd", over);
		for (uint32_t i = 0; i < 3; i++)
			cpuid_text(0x80000002 + i, "abcd", brand + (size_t)i * 16);
		real = strcmp(over, "TCGTCGTCGTCG") != 0 && spins_natively();
		snprintf(text, sizeof(text), "%s%s",
			 real ? "" : "emulated: ", brand[0] ? brand : vendor);
	}
#endif
	item(o, "silicon", real, what, text, "use a host that is no emulator");
}

static void check_probes(struct out *o, bool usable)
{
	struct test_probes probes;

	section(o, "Probes (names for `needs` and `xfail` in guest tests)", "probes");
	if (test_probes_init(&probes))
		return;
	for (const struct vm_probe *p = vm_probes; p->name; p++) {
		const char *why = "";
		int holds;

		/* Without KVM each of its probes would say the same again. */
		if (!usable && strcmp(p->name, "kvm") != 0 && !strncmp(p->name, "kvm", 3)) {
			item(o, p->name, false, p->what, "no KVM", p->way_out);
			continue;
		}
		holds = test_probes_get(&probes, p->name, &why);
		item(o, p->name, holds > 0, p->what, why, p->way_out);
	}
	test_probes_free(&probes);
}

static void check_tools(struct out *o)
{
	char install[160], *path, *dir;
	struct err err;

	section(o, "Tools and engines", "tools");
	for (unsigned i = 0; i < ARRAY_SIZE(tools); i++) {
		path = NULL;
		snprintf(install, sizeof(install), "install the package %s", tools[i].package);
		guest_find_tool(tools[i].name, tools[i].package, &path, NULL);
		item(o, tools[i].name, path != NULL, tools[i].what, path, install);
		free(path);
	}
	section(o, "Libraries, for building Vise", "libraries");
	for (unsigned i = 0; i < ARRAY_SIZE(libraries); i++) {
		snprintf(install, sizeof(install), "install the package %s", libraries[i].package);
		item(o, libraries[i].name, !access(libraries[i].header, R_OK), libraries[i].what,
		     NULL, install);
	}
	section(o, "Compressions of kernels that this program unpacks", "compressions");
	for (enum unpack_format f = UNPACK_GZIP; f <= UNPACK_ZSTD; f++) {
		snprintf(install, sizeof(install),
			 "install the package %s and build Vise again; until then --boot guest",
			 unpack_package(f));
		item(o, unpack_name(f), unpack_has(f), "kernels and RAM disks", unpack_library(f),
		     install);
	}
	section(o, "Folders", "folders");
	err = (struct err){0};
	dir = NULL;
	guest_lib_dir(&dir, &err);
	item(o, "runtime", dir != NULL, "the guests' runtime (guests/lib)", dir ? dir : err.msg,
	     "run make install, or set VISE_LIB to the folder");
	free(dir);
	dir = NULL;
	guest_cache_dir(&dir, &err);
	item(o, "cache", dir != NULL, "built guests", dir ? dir : err.msg,
	     "set XDG_CACHE_HOME or HOME");
	free(dir);
	dir = NULL;
	guest_tree_dir(&dir, &err);
	item(o, "tree", dir != NULL, "the source tree, which holds the fuzz targets",
	     dir ? dir : err.msg, "run vise inside a clone of it");
	free(dir);
}

static int run(void *opt, int argc, char **argv)
{
	const struct doctor_opts *d = opt;
	struct out o = {.json = d->json};
	bool usable;

	(void)argc;
	(void)argv;
	if (o.json)
		buf_printf(&o.b, "{");
	check_kvm(&o, &usable);
	check_silicon(&o);
	check_probes(&o, usable);
	check_tools(&o);
	if (o.json)
		buf_printf(&o.b, "]}\n");
	fputs(buf_str(&o.b), stdout);
	buf_free(&o.b);
	return ST_PASS;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "say what this host allows and what to do about the rest",
	.text = "Looks at KVM and its capabilities, runs the probes that guest tests may name,\n"
		"and looks for the tools and libraries that Vise uses. Each line is yes or no; a no\n"
		"is followed by what can be done. The status is 0 whatever was found.",
	.opts = opts,
	.max_args = 0,
	.size = sizeof(struct doctor_opts),
	.run = run,
};
