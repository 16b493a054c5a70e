/* SPDX-License-Identifier: MIT */
/* Two machines in one process, a few exits of each in turn: each is as if alone. */
#include "test_vm.h"

#define WALL 10000u

/* mov ecx, 20; inc ebx; mov eax, ebx; out 0xe9, al; loop; xor eax, eax; out 0xf4, al; hlt. The byte
 * after bb is the start value. */
static const uint8_t code[] = {0xbb, 0x30, 0x00, 0x00, 0x00, 0xb9, 0x14, 0x00,
			       0x00, 0x00, 0xff, 0xc3, 0x89, 0xd8, 0xe6, 0xe9,
			       0xe2, 0xf8, 0x31, 0xc0, 0xe6, 0xf4, 0xf4};

static void alone(const struct vm_spec *spec, struct buf *stream, uint64_t *hash)
{
	struct vm *vm = make_vm(spec);

	stream_to(vm, stream);
	assert_int_equal(run_vm(vm, 0, WALL).verdict, VM_PASS);
	assert_int_equal(vm_hash(vm, hash, NULL), 0);
	vm_free(vm);
}

static void drop_limits(struct buf *b)
{
	static const char limit[] = "end limit\n";
	char *p;

	while (b->p && (p = strstr(b->p, limit))) {
		memmove(p, p + sizeof(limit) - 1, strlen(p + sizeof(limit) - 1) + 1);
		b->len -= sizeof(limit) - 1;
	}
}

static void interleave(const struct vm_spec spec[2])
{
	struct buf want[2] = {{0}}, got[2] = {{0}};
	uint64_t hash[2], h;
	struct vm *vm[2];
	bool done[2] = {false, false};

	for (unsigned i = 0; i < 2; i++) {
		alone(&spec[i], &want[i], &hash[i]);
		vm[i] = make_vm(&spec[i]);
		stream_to(vm[i], &got[i]);
	}
	for (unsigned turn = 0; !done[0] || !done[1]; turn++) {
		unsigned i = turn & 1;
		struct vm_result res = run_vm(vm[i], 1 + turn % 3, WALL);

		assert_true(turn < 1000);
		assert_true(res.verdict == VM_LIMIT || res.verdict == VM_PASS);
		done[i] = res.verdict == VM_PASS;
	}
	for (unsigned i = 0; i < 2; i++) {
		drop_limits(&got[i]);
		assert_string_equal(buf_str(&got[i]), buf_str(&want[i]));
		assert_int_equal(vm_hash(vm[i], &h, NULL), 0);
		assert_true(h == hash[i]);
		vm_free(vm[i]);
		buf_free(&want[i]);
		buf_free(&got[i]);
	}
}

static void two_on_kvm(void **state)
{
	uint8_t other[sizeof(code)];
	struct vm_spec spec[2];

	(void)state;
	NEED_KVM();
	memcpy(other, code, sizeof(code));
	other[1] = 0x60;
	spec[0] = flat_spec(code, sizeof(code), X86_LONG);
	spec[1] = flat_spec(other, sizeof(other), X86_LONG);
	interleave(spec);
}

static void two_scripts(void **state)
{
	static const char a[] =
		"pio w 0xe9 1 1\nhlt\nmmio w 0xfeb00000 4 7\nmmio r 0xfeb00000 4 7\n"
		"pio w 0xf4 1 0\n";
	static const char b[] =
		"pio w 0x700 1 9\nmmio r 0xfeb00000 4 0\npio r 0x700 1 9\nhlt\nhlt\n"
		"hlt\npio w 0xf4 1 0\n";
	struct vm_spec spec[2] = {
		{.cpu = VM_CPU_SCRIPT, .script = a, .script_len = sizeof(a) - 1},
		{.cpu = VM_CPU_SCRIPT, .script = b, .script_len = sizeof(b) - 1},
	};

	(void)state;
	interleave(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_on_kvm),
		cmocka_unit_test(two_scripts),
	};

	return cmocka_run_group_tests_name("vm_two", tests, NULL, NULL);
}
