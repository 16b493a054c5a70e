/* SPDX-License-Identifier: MIT */
/*
 * What comes from outside into a machine: a guest that waits for its serial port with HLT, fed by a
 * pipe, live, recorded and replayed.
 */
#include "test_vm.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WALL 20000

/*
 * Real mode. All that the serial port has when it interrupts is sent back, and the time
 * stamp counter goes to the debug console; after a 'q' the guest ends with 0.
 */
static const uint8_t echo[] = {
	0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70, 0xc7, 0x06, 0x90, 0x00,
	0x31, 0x80, 0xa3, 0x92, 0x00, 0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0,
	0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xef, 0xe6, 0x21, 0xba, 0xf9, 0x03,
	0xb0, 0x01, 0xee, 0xfb, 0xf4, 0xeb, 0xfc, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74,
	0x15, 0xba, 0xf8, 0x03, 0xec, 0xee, 0x88, 0xc3, 0x0f, 0x31, 0x66, 0xe7, 0xe9, 0x80,
	0xfb, 0x71, 0x75, 0xe7, 0x30, 0xc0, 0xe6, 0xf4, 0xb0, 0x20, 0xe6, 0x20, 0xcf,
};

/* A pipe whose other end is a process that types slowly, or all of it at once ('gap' is 0 us). */
struct typist {
	int fd;
	pid_t pid;
	char spec[16];
};

static void type_text_by(struct typist *t, const char *text, useconds_t gap)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (!t->pid) {
		/* Also where an assertion fails first. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!gap)
			_exit(write(p[1], text, strlen(text)) < 0);
		for (; *text; text++) {
			usleep(gap);
			if (*text == '.') /* and goes on holding the line */
				pause();
			if (write(p[1], text, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	t->fd = p[0];
	(void)snprintf(t->spec, sizeof(t->spec), "fd:%d", t->fd);
}

static void type_text(struct typist *t, const char *text)
{
	type_text_by(t, text, 3000);
}

static void stop_typing(struct typist *t)
{
	kill(t->pid, SIGKILL);
	assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
	close(t->fd);
}

static struct vm_spec echo_spec(const char *serial)
{
	struct vm_spec spec = flat_spec(echo, sizeof(echo), X86_REAL);

	spec.cpu = VM_CPU_SOFT;
	spec.serial = serial;
	return spec;
}

static char *temp_name(void)
{
	char path[] = "/tmp/test_vm_input.XXXXXX", *copy;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	copy = strdup(path);
	assert_non_null(copy);
	return copy;
}

/* All that a run leaves. */
struct left {
	struct vm_result res;
	struct buf stream;
	uint64_t hash;
	char out[32];
};

static void run_it(struct left *l, struct vm *vm)
{
	struct err err = {0};

	*l = (struct left){0};
	stream_to(vm, &l->stream);
	l->res = run_vm(vm, 0, WALL);
	assert_int_equal(vm_hash(vm, &l->hash, NULL), 0);
	(void)snprintf(l->out, sizeof(l->out), "%s", buf_str(&vm_serial(vm)->out));
	if (vm_close_record(vm, &err))
		fail_msg("%s", err.msg);
	vm_free(vm);
}

static void record_text_by(struct left *l, const char *path, const char *text, useconds_t gap)
{
	struct typist t;
	struct vm_spec spec;

	type_text_by(&t, text, gap);
	spec = echo_spec(t.spec);
	spec.record = path;
	spec.seed = 42;
	run_it(l, make_vm(&spec));
	stop_typing(&t);
}

static void record_text(struct left *l, const char *path, const char *text)
{
	record_text_by(l, path, text, 3000);
}

static void a_recorded_run_is_replayed(void **state)
{
	char *path = temp_name();
	struct vm_spec spec = echo_spec("fd:0"); /* which nobody opens */
	struct left a, b;

	(void)state;
	record_text(&a, path, "abcq");
	assert_int_equal(a.res.verdict, VM_PASS);
	assert_true(a.res.deterministic);
	assert_string_equal(a.out, "abcq");
	spec.replay = path;
	spec.seed = 7; /* the recording knows better */
	run_it(&b, make_vm(&spec));
	assert_string_equal(b.res.reason, a.res.reason);
	assert_int_equal(b.res.verdict, VM_PASS);
	assert_true(b.res.deterministic);
	assert_int_equal(b.res.icount, a.res.icount);
	assert_int_equal(b.res.exits, a.res.exits);
	assert_int_equal(b.hash, a.hash);
	assert_string_equal(b.out, "abcq");
	assert_string_equal(buf_str(&b.stream), buf_str(&a.stream));
	buf_free(&a.stream);
	buf_free(&b.stream);
	unlink(path);
	free(path);
}

static void a_live_run_says_that_it_does_not_repeat(void **state)
{
	struct typist t;
	struct vm_spec spec;
	struct left l;

	(void)state;
	type_text(&t, "xq");
	spec = echo_spec(t.spec);
	run_it(&l, make_vm(&spec));
	stop_typing(&t);
	assert_int_equal(l.res.verdict, VM_PASS);
	assert_false(l.res.deterministic);
	assert_string_equal(l.out, "xq");
	buf_free(&l.stream);
}

/* The host's time is looked at while the CPU waits, and so is a signal's word. */
static void a_waiting_run_can_be_ended(void **state)
{
	struct vm_limits lim = {.wall_ms = 30};
	volatile int stop = 0;
	struct vm_result res;
	struct typist t;
	struct vm_spec spec;
	struct vm *vm;

	(void)state;
	type_text(&t, "a.");
	spec = echo_spec(t.spec);
	vm = make_vm(&spec);
	assert_int_equal(vm_run(vm, &lim, &res), 0);
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_non_null(strstr(res.reason, "30 ms"));
	stop = 1;
	lim.wall_ms = WALL;
	lim.stop = &stop;
	assert_int_equal(vm_run(vm, &lim, &res), 0);
	assert_int_equal(res.verdict, VM_LIMIT);
	assert_string_equal(res.reason, "interrupted");
	vm_free(vm);
	stop_typing(&t);
}

static void an_end_of_input_wakes_nobody(void **state)
{
	struct typist t;
	struct vm_spec spec;
	struct left l;

	(void)state;
	type_text(&t, "ab");
	spec = echo_spec(t.spec);
	run_it(&l, make_vm(&spec));
	stop_typing(&t);
	assert_int_equal(l.res.verdict, VM_FAIL);
	assert_non_null(strstr(l.res.reason, "halted with nothing to wake it"));
	assert_string_equal(l.out, "ab");
	buf_free(&l.stream);
}

/* Ended from outside: the replay ends where that was, with the same machine. */
static void a_cut_recording_is_replayed_to_its_end(void **state)
{
	char *path = temp_name();
	struct vm_limits lim = {.wall_ms = 60};
	struct vm_spec spec;
	struct vm_result res;
	uint64_t hash;
	struct typist t;
	struct left l;
	struct vm *vm;

	(void)state;
	type_text(&t, "abc.");
	spec = echo_spec(t.spec);
	spec.record = path;
	vm = make_vm(&spec);
	/* On a busy host the keys may take longer than one limit. */
	for (int i = 0; i < 300 && strcmp(buf_str(&vm_serial(vm)->out), "abc"); i++) {
		assert_int_equal(vm_run(vm, &lim, &res), 0);
		assert_int_equal(res.verdict, VM_LIMIT);
	}
	assert_string_equal(buf_str(&vm_serial(vm)->out), "abc");
	assert_int_equal(vm_hash(vm, &hash, NULL), 0);
	assert_int_equal(vm_close_record(vm, NULL), 0);
	vm_free(vm);
	stop_typing(&t);
	spec.record = NULL;
	spec.replay = path;
	run_it(&l, make_vm(&spec));
	assert_int_equal(l.res.verdict, VM_LIMIT);
	assert_non_null(strstr(l.res.reason, "the recording ends here"));
	assert_string_equal(l.out, "abc");
	assert_int_equal(l.hash, hash);
	buf_free(&l.stream);
	unlink(path);
	free(path);
}

static void a_replay_that_diverges_is_an_error(void **state)
{
	char *path = temp_name();
	struct vm_spec spec = echo_spec("fd:0");
	struct err err = {0};
	struct left l;
	struct vm *vm;

	(void)state;
	/* At once: the guest below must not spin through the time that a busy host took between keys. */
	record_text_by(&l, path, "abq", 0);
	buf_free(&l.stream);
	spec.replay = path;
	/* Another byte of memory: the end is not the same. */
	vm = make_vm(&spec);
	assert_int_equal(gmem_write(vm_mem(vm), 0x20000, "x", 1), 0);
	run_it(&l, vm);
	assert_int_equal(l.res.verdict, VM_ERROR);
	assert_int_equal(l.res.status, 3);
	assert_non_null(strstr(l.res.reason, "replay diverged: the machine ends as"));
	buf_free(&l.stream);
	/* The guest does not look at what comes ('in' becomes 'nop'): it goes on for ever. */
	vm = make_vm(&spec);
	assert_int_equal(gmem_write(vm_mem(vm), 0x8034, "\x90", 1), 0);
	run_it(&l, vm);
	assert_int_equal(l.res.verdict, VM_ERROR);
	assert_non_null(strstr(l.res.reason, "replay diverged: "));
	buf_free(&l.stream);
	/* Another machine from the start. */
	spec.mem = 8 << 20;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "another machine"));
	spec.mem = 0;
	spec.serial = NULL;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "has input 'serial'"));
	unlink(path);
	free(path);
}

static void a_replay_goes_back_to_a_snapshot(void **state)
{
	char *path = temp_name();
	struct vm_limits lim = {0};
	struct vm_spec spec = echo_spec("fd:0");
	struct err err = {0};
	struct vm_result res;
	struct vm_snap *snap;
	uint64_t hash;
	struct left l;
	struct vm *vm;

	(void)state;
	record_text(&l, path, "abcdefq");
	spec.replay = path;
	spec.track_dirty = true;
	/* From wherever it is taken. */
	for (lim.exits = 1; lim.exits < l.res.exits; lim.exits++) {
		vm = make_vm(&spec);
		assert_int_equal(vm_run(vm, &lim, &res), 0);
		assert_int_equal(res.verdict, VM_LIMIT);
		if (vm_snap(vm, &snap, &err))
			fail_msg("%s", err.msg);
		for (unsigned i = 0; i < 2; i++) {
			res = run_vm(vm, 0, WALL);
			assert_string_equal(res.reason, l.res.reason);
			assert_int_equal(vm_hash(vm, &hash, NULL), 0);
			assert_int_equal(hash, l.hash);
			assert_string_equal(buf_str(&vm_serial(vm)->out), "abcdefq");
			assert_int_equal(vm_restore(vm, snap, &err), 0);
		}
		vm_snap_free(snap);
		vm_free(vm);
	}
	buf_free(&l.stream);
	unlink(path);
	free(path);
}

static void live_input_does_not_go_back(void **state)
{
	struct vm_spec spec;
	struct err err = {0};
	struct vm_snap *snap;
	struct typist t;
	struct vm *vm;

	(void)state;
	type_text(&t, ".");
	spec = echo_spec(t.spec);
	spec.track_dirty = true;
	vm = make_vm(&spec);
	assert_int_equal(vm_snap(vm, &snap, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "live input"));
	vm_free(vm);
	stop_typing(&t);
}

static void a_recording_that_cannot_be_written_ends_the_run(void **state)
{
	struct vm_spec spec;
	struct vm_result res;
	struct typist t;
	struct err err;
	struct vm *vm;

	(void)state;
	type_text(&t, ".");
	spec = echo_spec(t.spec);
	spec.record = "/no/such/folder/file";
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "cannot record to /no/such/folder/file"));
	spec.record = "/dev/full";
	vm = make_vm(&spec);
	res = run_vm(vm, 0, 30);
	assert_int_equal(res.verdict, VM_LIMIT); /* little enough to be held back */
	assert_int_equal(vm_close_record(vm, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "/dev/full"));
	vm_free(vm);
	stop_typing(&t);
}

static void what_cannot_be_opened_is_said(void **state)
{
	static const char *const many[] = {"buf", "buf", "buf", "buf", "buf",
					   "buf", "buf", "buf", "buf"};
	static const char *const twice[] = {"stdio", "stdio"};
	static const char *const one[] = {"what"};
	struct vm_spec spec = echo_spec(NULL);
	struct err err = {0};
	struct vm *vm;

	(void)state;
	spec.chrs = many;
	spec.nr_chrs = ARRAY_SIZE(many);
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "at most 8"));
	spec.nr_chrs = 8;
	vm = make_vm(&spec);
	assert_non_null(vm_chr(vm, 7));
	assert_null(vm_chr(vm, 8));
	vm_free(vm);
	spec.chrs = twice;
	spec.nr_chrs = 2;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "there is one"));
	spec.chrs = one;
	spec.nr_chrs = 1;
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "'what' is none of"));
	spec = echo_spec(NULL);
	spec.replay = "/no/such/file";
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "/no/such/file"));
	spec.record = "/no/such/x";
	assert_int_equal(vm_new(&vm, &spec, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "not both"));
}

static void kvm_records_nothing(void **state)
{
	struct vm_spec spec = echo_spec(NULL);
	struct err err = {0};
	struct vm *vm;

	(void)state;
	spec.cpu = VM_CPU_KVM;
	spec.record = "/no/such/x";
	assert_int_equal(vm_new(&vm, &spec, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "--cpu soft"));
}

static void kvm_takes_live_input(void **state)
{
	struct typist t;
	struct vm_spec spec;
	struct left l;

	(void)state;
	NEED_KVM();
	type_text(&t, "xyzq");
	spec = echo_spec(t.spec);
	spec.cpu = VM_CPU_KVM;
	run_it(&l, make_vm(&spec));
	stop_typing(&t);
	assert_string_equal(l.res.reason, "debug-exit 0");
	assert_false(l.res.deterministic);
	assert_string_equal(l.out, "xyzq");
	buf_free(&l.stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recorded_run_is_replayed),
		cmocka_unit_test(a_live_run_says_that_it_does_not_repeat),
		cmocka_unit_test(a_waiting_run_can_be_ended),
		cmocka_unit_test(an_end_of_input_wakes_nobody),
		cmocka_unit_test(a_cut_recording_is_replayed_to_its_end),
		cmocka_unit_test(a_replay_that_diverges_is_an_error),
		cmocka_unit_test(a_replay_goes_back_to_a_snapshot),
		cmocka_unit_test(live_input_does_not_go_back),
		cmocka_unit_test(a_recording_that_cannot_be_written_ends_the_run),
		cmocka_unit_test(what_cannot_be_opened_is_said),
		cmocka_unit_test(kvm_records_nothing),
		cmocka_unit_test(kvm_takes_live_input),
	};

	return cmocka_run_group_tests_name("vm_input", tests, NULL, NULL);
}
