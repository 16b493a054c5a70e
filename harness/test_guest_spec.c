/* SPDX-License-Identifier: MIT */
/* Unit tests: the header of a guest test, every key, every error by file and line, hostile bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness_priv.h"

static struct guest_spec spec;
static struct err err;

static int parse_for(enum guest_cpu cpu, const char *text)
{
	err = (struct err){0};
	return guest_spec_parse(&spec, "g/t.asm", cpu, text, strlen(text), &err);
}

static int parse(const char *text)
{
	return parse_for(GUEST_KVM, text);
}

/* The text is refused, with (want) in the message. */
static void refused(const char *text, const char *want)
{
	assert_int_equal(parse(text), -EINVAL);
	if (!strstr(err.msg, want))
		fail_msg("'%s' has no '%s'", err.msg, want);
	assert_null(spec.path);
}

#define S ";@ summary: s\n"

static void every_key(void **state)
{
	const char *probe = vm_probes[0].name;
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text),
		 "; a comment\n"
		 ";@ summary: what it is about\n"
		 "  ;@mode: prot\n"
		 ";@ mem: 32M\n"
		 ";@ device: virtio-rng,irq=5\n"
		 ";@ device: testdev\n"
		 ";@ disk: mem:1M,ro\n"
		 ";@ chr: buf:a b\\n\n"
		 ";@ chr: loop\n"
		 ";@ net: loop,delay=5\n"
		 ";@ net: script:=peer; on ff drop\n"
		 ";@ net: user\n"
		 ";@ load: multiboot\n"
		 ";@ cmdline: a=b c\n"
		 ";@ module: one=1 first \\x41\n"
		 ";@ initrd: \\0\\xff\n"
		 ";@ input: a\\n\\r\\t\\\\z\n"
		 ";@ exit: 0x2a\n"
		 ";@ serial: ok\\n\n"
		 ";@ exits: pio w 0xf4 1 0x0\n"
		 ";@ exits: end exit\n"
		 ";@ exits: <= 12\n"
		 ";@ timeout: 3s\n"
		 ";@ needs: %s, %s\n"
		 ";@ xfail: kvm %s it is so\r\n"
		 ";@ cpu: kvm\n"
		 "\tmov eax, 1\n",
		 probe, probe, probe);
	assert_int_equal(parse(text), 0);
	assert_string_equal(spec.path, "g/t.asm");
	assert_string_equal(spec.summary, "what it is about");
	assert_int_equal(spec.mode, X86_PROT);
	assert_int_equal(spec.mem, 32 << 20);
	assert_int_equal(spec.nr_devices, 2);
	assert_string_equal(spec.devices[0], "virtio-rng,irq=5");
	assert_string_equal(spec.devices[1], "testdev");
	assert_int_equal(spec.nr_chrs, 2);
	assert_string_equal(spec.chrs[0], "buf:a b\\n");
	assert_int_equal(spec.nr_nets, 3);
	assert_string_equal(spec.nets[1], "script:=peer; on ff drop");
	assert_int_equal(spec.nr_disks, 1);
	assert_string_equal(spec.disks[0], "mem:1M,ro");
	assert_int_equal(spec.load, GUEST_MULTIBOOT);
	assert_string_equal(spec.cmdline, "a=b c");
	assert_int_equal(spec.nr_modules, 1);
	assert_string_equal(spec.module_name[0], "one=1");
	assert_string_equal(spec.module[0].p, "first A");
	assert_int_equal(spec.initrd.len, 2);
	assert_memory_equal(spec.initrd.p, "\0\xff", 2);
	assert_string_equal(spec.input.p, "a\n\r\t\\z");
	assert_int_equal(spec.exit, 0x2a);
	assert_true(spec.has_serial);
	assert_false(spec.serial_re);
	assert_string_equal(spec.serial.p, "ok\n");
	assert_string_equal(spec.exits.p, "pio w 0xf4 1 0x0\nend exit\n");
	assert_true(spec.has_budget);
	assert_int_equal(spec.exit_budget, 12);
	assert_int_equal(spec.timeout, 3000);
	assert_int_equal(spec.nr_needs, 2);
	assert_string_equal(spec.needs[1], probe);
	assert_int_equal(spec.nr_xfail, 1);
	assert_int_equal(spec.xfail[0].cpu, GUEST_KVM);
	assert_string_equal(spec.xfail[0].reason, "it is so");
	assert_int_equal(spec.only, GUEST_KVM);
	guest_spec_free(&spec);
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(S), 0);
	assert_int_equal(spec.mode, X86_LONG);
	assert_int_equal(spec.load, GUEST_FLAT);
	assert_int_equal(spec.exit, 0);
	assert_null(spec.end);
	assert_null(spec.exits.p);
	assert_false(spec.has_serial);
	assert_false(spec.has_budget);
	assert_int_equal(spec.only, GUEST_ANY);
	guest_spec_free(&spec);
}

static void forms(void **state)
{
	(void)state;
	assert_int_equal(parse(S ";@ exit: shutdown\n;@ serial: ~^a+\\n$\n;@ timeout: 250ms\n"), 0);
	assert_string_equal(spec.end, "shutdown");
	assert_true(spec.serial_re);
	assert_string_equal(spec.serial.p, "^a+\n$");
	assert_int_equal(spec.timeout, 250);
	guest_spec_free(&spec);
	/* Many repeats side by side cost little. */
	assert_int_equal(parse(S ";@ serial: ~a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+[[:digit:]()]+p{3}\n"),
			 0);
	guest_spec_free(&spec);
	/* A serial port that stays silent. */
	assert_int_equal(parse(S ";@ serial:\n"), 0);
	assert_true(spec.has_serial);
	assert_int_equal(spec.serial.len, 0);
	guest_spec_free(&spec);
	/* No newline at the end of the file. */
	assert_int_equal(parse(";@ exit: 1\n;@ summary: x"), 0);
	assert_string_equal(spec.summary, "x");
	guest_spec_free(&spec);
}

static void suffixes(void **state)
{
	static const char text[] =
		S ";@ exit: 1\n;@ exit.kvm: 2\n;@ exits: hlt\n;@ exits.soft: end exit\n"
		  ";@ device: a\n;@ device.kvm: b\n;@ needs: kvm\n;@ needs.kvm: nasm\n"
		  ";@ timeout.soft: 77\n";

	(void)state;
	assert_int_equal(parse_for(GUEST_KVM, text), 0);
	assert_int_equal(spec.exit, 2);
	assert_string_equal(spec.exits.p, "hlt\n");
	assert_int_equal(spec.nr_devices, 1);
	assert_string_equal(spec.devices[0], "b");
	assert_int_equal(spec.nr_needs, 2); /* these add up */
	assert_int_equal(spec.timeout, 0);
	guest_spec_free(&spec);
	assert_int_equal(parse_for(GUEST_SOFT, text), 0);
	assert_int_equal(spec.exit, 1);
	assert_string_equal(spec.exits.p, "end exit\n");
	assert_string_equal(spec.devices[0], "a");
	assert_int_equal(spec.nr_needs, 1);
	assert_int_equal(spec.timeout, 77);
	guest_spec_free(&spec);
	/* What is meant for another back end is checked all the same. */
	refused(S ";@ exit.soft: 300\n", "g/t.asm:2: exit '300'");
}

static void errors_name_the_line(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{"", "g/t.asm:1: the header has no ';@ summary"},
		{";@ exit: 0\n", "has no ';@ summary"},
		{S ";@ exti: 0\n",
		 "g/t.asm:2: unknown key 'exti'; keys are summary mode mem device"},
		{S "\n\n;@ nonsense\n", "g/t.asm:4: not 'key: value'"},
		{S ";@ : x\n", "unknown key ''"},
		{S ";@ mode:\n", "'mode' has no value"},
		{S ";@ mode: vm86\n", "mode 'vm86' is none of: real prot long"},
		{S ";@ mode: real\n;@ mode: real\n", "g/t.asm:3: 'mode' is given twice"},
		{S ";@ mem: 0\n", "mem '0' is no size"},
		{S ";@ mem: 1\n", "mem '1' is no size"},
		{S ";@ mem: 1T\n", "mem '1T' is no size"},
		{S ";@ mem: -5\n", "mem '-5' is no size"},
		{S ";@ load: pe\n", "load 'pe' is none of"},
		{S ";@ module: lonely\n", "a module is 'NAME contents'"},
		{S ";@ input: \\q\n", "unknown escape '\\q'"},
		{S ";@ input: \\x4\n", "unknown escape '\\x'"},
		{S ";@ input: \\\n", "unknown escape '\\'"},
		{S ";@ exit: 256\n", "exit '256' is neither"},
		{S ";@ exit: what?\n", "exit 'what?' is neither"},
		{S ";@ serial: ~(\n", "regex '('"},
		{S ";@ serial: ~a{5000}\n", "repeats more than"},
		{S ";@ serial: ~((a{99}){99}){99}\n", "repeats more than"},
		{S ";@ serial: ~a++++++++++++++\n", "repeats more than"},
		{S ";@ serial: ~(((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+\n", "repeats more than"},
		{S ";@ serial: ~([)]a{90}){90}\n", "repeats more than"},
		{S ";@ serial: ~[[:alpha:])]{99999}\n", "repeats more than"},
		{S ";@ serial: ~a{1\n", "regex 'a{1'"},
		{S ";@ serial: ~[\n", "regex '['"},
		{S ";@ serial: ~((((((((((((((((((((((((((((((((((a\n", "nested deeper"},
		{S ";@ serial: ~(a)\\1\n", "back-reference"},
		{S ";@ exits: bogus 1\n", "exits 'bogus 1': neither"},
		{S ";@ exits: <= many\n", "one number is wanted"},
		{S ";@ exits: <= 1\n;@ exits: <= 2\n", "one number is wanted"},
		{S ";@ timeout: 0\n", "timeout '0'"},
		{S ";@ compare: no\n", "PROBE reason"},
		{S ";@ cpu-model: z80\n", "no CPU has that name"},
		{S ";@ machine: auto\n", "machine 'auto' is none of: test pc"},
		{S ";@ machine: pdp11\n", "machine 'pdp11' is none of: test pc"},
		{S ";@ compare: what ever\n", "what"},
		{S ";@ timeout: 1h\n", "timeout '1h'"},
		{S ";@ timeout: 99999999999s\n", "timeout '99999999999'"},
		{S ";@ needs: no-such-probe\n", "g/t.asm:2: no probe is called 'no-such-probe'"},
		{S ";@ xfail: kvm no-such-probe why\n", "no probe is called 'no-such-probe'"},
		{S ";@ xfail: kvm kvm\n", "an xfail is 'BACKEND PROBE reason'"},
		{S ";@ xfail: xen kvm why\n", "back end 'xen' is none of"},
		{S ";@ cpu: mips\n", "cpu 'mips' is none of"},
		{S ";@ exit.xen: 0\n", "suffix '.xen' is none of: .kvm .soft"},
		{S ";@ cpu.kvm: kvm\n", "'cpu' takes no suffix"},
		{S ";@ disk: /etc/passwd\n", "give mem:SIZE"},
		{S ";@ net: pcap:x\n", "not of the test alone"},
		{S ";@ net: tap:x\n", "not of the test alone"},
		{S ";@ net: script:x\n", "not of the test alone"},
		{S ";@ net: user,open=1\n", "not of the test alone"},
		{S ";@ net: loop,out=x\n", "not of the test alone"},
		{S ";@ net: what\n", "none of: null"},
		{S ";@ net: script:=on\n", "no bytes"},
		{S ";@ net: loop\n;@ net: loop\n;@ net: loop\n;@ net: loop\n;@ net: loop\n",
		 "more than 4 nets"},
		{S ";@ chr: stdio\n", "not of the test alone"},
		{S ";@ chr: file:/dir/x\n", "not of the test alone"},
		{S ";@ chr: what\n", "none of: buf"},
		{S ";@ chr: buf:\\q\n", "after \\ comes"},
		{S ";@ chr: buf\n;@ chr: buf\n;@ chr: buf\n;@ chr: buf\n;@ chr: buf\n",
		 "more than 4 chrs"},
		{S ";@ disk: mem:100\n", "multiple of 512"},
		{S
		 ";@ disk: mem:1K\n;@ disk: mem:1K\n;@ disk: mem:1K\n;@ disk: mem:1K\n;@ disk: mem:1K\n",
		 "more than 4 disks"},
		{S ";@ cmdline: a\x01z\n", "control character 0x01"},
		{S
		 ";@ device: a\n;@ device: a\n;@ device: a\n;@ device: a\n;@ device: a\n;@ device: a\n"
		 ";@ device: a\n;@ device: a\n;@ device: a\n",
		 "g/t.asm:10: more than 8 devices"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		refused(bad[i].text, bad[i].want);
}

static void inline_golden_is_bounded(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_printf(&b, S);
	for (unsigned i = 0; i < GUEST_INLINE; i++)
		buf_printf(&b, ";@ exits: hlt\n");
	assert_int_equal(parse(buf_str(&b)), 0);
	guest_spec_free(&spec);
	buf_printf(&b, ";@ exits: hlt\n");
	refused(buf_str(&b), "put them into the test's .exits file");
	buf_free(&b);
}

static void hostile_bytes(void **state)
{
	static const char seed[] =
		S ";@ mode: real\n;@ serial: ~a(b|c)*\n;@ exits: hlt\n;@ input: \\x41\n"
		  ";@ needs: kvm\n;@ xfail: kvm kvm reason\n;@ exit.kvm: 3\n";
	struct rng rng = {1};
	char text[sizeof(seed)];

	(void)state;
	/* NUL bytes, and a header that ends anywhere. */
	for (size_t n = 0; n < sizeof(seed); n++) {
		err = (struct err){0};
		if (!guest_spec_parse(&spec, "x", GUEST_KVM, seed, n, &err))
			guest_spec_free(&spec);
		else
			assert_int_equal(err.code, -EINVAL);
	}
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(text, seed, sizeof(seed));
		for (unsigned k = 0; k < 1 + i % 4; k++)
			text[rng_next(&rng) % sizeof(seed)] = (char)rng_next(&rng);
		if (!guest_spec_parse(&spec, "x", (enum guest_cpu)(i % 3), text, sizeof(text),
				      &err))
			guest_spec_free(&spec);
	}
}

static void format_parses_back(void **state)
{
	static const char text[] =
		S ";@ mode: real\n;@ mem: 2M\n;@ serial: ~x\\n\\\\y\n;@ input:  ~ \\x20\n"
		  ";@ module: m ,a\n;@ exit: hlt\n;@ exits: hlt\n;@ exits: <= 3\n"
		  ";@ timeout: 9\n;@ needs: kvm\n;@ xfail: soft kvm r r\n;@ cpu: soft\n"
		  ";@ compare: kvm-nmi late\n;@ cpu-model: v2\n;@ machine: pc\n";
	struct buf a = {0}, b = {0};

	(void)state;
	assert_int_equal(parse(text), 0);
	guest_spec_format(&spec, &a);
	guest_spec_free(&spec);
	assert_int_equal(parse(buf_str(&a)), 0);
	guest_spec_format(&spec, &b);
	guest_spec_free(&spec);
	assert_string_equal(buf_str(&a), buf_str(&b));
	assert_non_null(strstr(buf_str(&a), ";@ exit: hlt\n"));
	buf_free(&a);
	buf_free(&b);
}

/* What a regex quotes comes back as it was: a tab behind one backslash, behind two, by its name. */
static void format_keeps_regex(void **state)
{
	static const char *const regex[] = {
		"a\\\tb", "a\\\\\tb", "a\\tb", "a\\\\tb", "a\\\\\\tb", "[\\]\\t", "a\\.\\n",
	};
	struct buf text = {0}, value = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(regex); i++) {
		text.len = value.len = 0;
		buf_printf(&text, S ";@ serial: ~%s\n", regex[i]);
		assert_int_equal(parse(buf_str(&text)), 0);
		buf_put(&value, spec.serial.p, spec.serial.len);
		text.len = 0;
		guest_spec_format(&spec, &text);
		guest_spec_free(&spec);
		assert_int_equal(parse(buf_str(&text)), 0);
		assert_true(spec.serial_re);
		assert_string_equal(spec.serial.p, buf_str(&value));
		guest_spec_free(&spec);
	}
	buf_free(&text);
	buf_free(&value);
}

/* ---- files ---- */

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
}

static void drop(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void golden_beside(void **state)
{
	char dir[] = "/tmp/vise-spec.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/t.asm", dir);
	put(dir, "t.asm", S);
	assert_int_equal(guest_spec_read(&spec, path, GUEST_KVM, &err), 0);
	assert_null(spec.exits.p);
	guest_spec_free(&spec);
	put(dir, "t.exits", "# a remark\nhlt  \n\nend exit");
	assert_int_equal(guest_spec_read(&spec, path, GUEST_KVM, &err), 0);
	assert_string_equal(spec.exits.p, "hlt\nend exit\n");
	assert_true(spec.exits_beside);
	guest_spec_free(&spec);
	/* The back end's own counts. */
	put(dir, "t.kvm.exits", "shutdown\n");
	assert_int_equal(guest_spec_read(&spec, path, GUEST_KVM, &err), 0);
	assert_string_equal(spec.exits.p, "shutdown\n");
	guest_spec_free(&spec);
	assert_int_equal(guest_spec_read(&spec, path, GUEST_SOFT, &err), 0);
	assert_string_equal(spec.exits.p, "hlt\nend exit\n");
	guest_spec_free(&spec);
	put(dir, "t.kvm.exits", "hlt\nrubbish\n");
	assert_int_equal(guest_spec_read(&spec, path, GUEST_KVM, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "t.kvm.exits:2: 'rubbish'"));
	drop(dir, "t.kvm.exits");
	put(dir, "t.asm", S ";@ exits: hlt\n");
	assert_int_equal(guest_spec_read(&spec, path, GUEST_KVM, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "keep one"));
	drop(dir, "t.exits");
	drop(dir, "t.asm");
	assert_int_equal(guest_spec_read(&spec, path, GUEST_KVM, &err), -ENOENT);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key),
		cmocka_unit_test(defaults),
		cmocka_unit_test(forms),
		cmocka_unit_test(suffixes),
		cmocka_unit_test(errors_name_the_line),
		cmocka_unit_test(inline_golden_is_bounded),
		cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(format_parses_back),
		cmocka_unit_test(format_keeps_regex),
		cmocka_unit_test(golden_beside),
	};

	return cmocka_run_group_tests_name("guest_spec", tests, NULL, NULL);
}
