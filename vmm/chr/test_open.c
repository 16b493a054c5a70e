/* SPDX-License-Identifier: MIT */
/* Back ends from text: files, pipes, terminals; what they do when the other end fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <vmm/chr.h>

struct world {
	struct clock clock;
	struct input *in;
	struct chr c;
	unsigned woken;
};

static void wake(void *ctx)
{
	((struct world *)ctx)->woken++;
}

static void begin(struct world *w)
{
	*w = (struct world){0};
	clock_init(&w->clock);
	assert_int_equal(input_new(&w->in, &w->clock, NULL, NULL), 0);
}

static void open_it(struct world *w, const char *text)
{
	struct err err = {0};

	if (chr_open(&w->c, text, "c", w->in, &err))
		fail_msg("%s", err.msg);
	chr_set_wake(&w->c, wake, w);
	assert_int_equal(input_start(w->in, 1, NULL), 0);
}

/* Until (n) bytes of input are there. */
static void listen_for(struct world *w, size_t n)
{
	for (unsigned i = 0; i < 1000 && chr_pending(&w->c) < n; i++) {
		assert_int_equal(clock_advance(&w->clock, INPUT_TICK), 0);
		usleep(100);
	}
	assert_int_equal(chr_pending(&w->c), n);
}

static void end(struct world *w)
{
	input_free(w->in);
	chr_fini(&w->c);
}

static void refused(const char *text, int rc, const char *why)
{
	struct world w;
	struct err err = {0};

	begin(&w);
	assert_int_equal(chr_open(&w.c, text, "c", w.in, &err), rc);
	if (!strstr(err.msg, why))
		fail_msg("'%s' is not in: %s", why, err.msg);
	input_free(w.in);
}

static void what_is_wrong_is_said(void **state)
{
	struct err err;
	struct chr c;

	(void)state;
	refused("", -EINVAL, "none of");
	refused("buffer", -EINVAL, "none of");
	refused("pty:x", -EINVAL, "none of");
	refused("file", -EINVAL, "none of");
	refused("fd", -EINVAL, "none of");
	refused("loop:", -EINVAL, "none of");
	refused("buf:\\", -EINVAL, "after \\");
	refused("buf:\\x1", -EINVAL, "after \\");
	refused("fd:99", -EINVAL, "no open descriptor '99'");
	refused("fd:x", -EINVAL, "no open descriptor");
	refused("fd:0,", -EINVAL, "no open descriptor");
	refused("pipe:/no/such", -ENOENT, "/no/such");
	refused("pipe:/dev/null", -EINVAL, "no named pipe");
	refused("file:/no/such/file", -ENOENT, "/no/such/file");
	refused("file:,in=/no/such", -ENOENT, "/no/such");
	/* Where nothing from outside can come. */
	assert_int_equal(chr_open(&c, "pty", "c", NULL, &err), -EINVAL);
	assert_false(chr_is_live("buf:x") || chr_is_live("loop") || chr_is_live("file:x"));
	assert_true(chr_is_live("pty") && chr_is_live("stdio") && chr_is_live("fd:0") &&
		    chr_is_live("pipe:x"));
	assert_false(chr_is_live("what"));
}

static void a_text_is_input(void **state)
{
	struct chr c;
	char got[16] = "";

	(void)state;
	assert_int_equal(chr_open(&c, "buf:a\\n\\t\\\\\\0\\x41\\xff", "c", NULL, NULL), 0);
	assert_int_equal(chr_pending(&c), 7);
	assert_int_equal(chr_take(&c, got, sizeof(got)), 7);
	assert_memory_equal(got, "a\n\t\\\0A\xff", 7);
	chr_fini(&c);
	assert_int_equal(chr_open(&c, "buf", "c", NULL, NULL), 0);
	assert_int_equal(chr_get(&c), -1);
	chr_fini(&c);
}

static void a_loop_comes_back(void **state)
{
	uint8_t *big = calloc(1, CHR_FED), got[300];
	struct world w;

	(void)state;
	assert_non_null(big);
	begin(&w);
	open_it(&w, "loop");
	chr_put(&w.c, "abc", 3);
	assert_int_equal(w.woken, 1);
	assert_int_equal(chr_take(&w.c, got, 2), 2);
	assert_int_equal(chr_peek(&w.c), 'c');
	assert_int_equal(chr_get(&w.c), 'c');
	/* Round the ring's end, and no more than it holds. */
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t run[300];

		memset(run, (int)i, sizeof(run));
		chr_put(&w.c, run, sizeof(run));
		assert_int_equal(chr_take(&w.c, got, sizeof(got)), sizeof(got));
		assert_memory_equal(got, run, sizeof(run));
	}
	chr_put(&w.c, big, CHR_FED);
	assert_int_equal(chr_room(&w.c), 0);
	assert_int_equal(w.c.lost, 0);
	chr_put(&w.c, "xyz", 3);
	assert_int_equal(w.c.lost, 3);
	assert_int_equal(chr_pending(&w.c), CHR_FED);
	free(big);
	end(&w);
}

static void a_snapshot_has_what_waits(void **state)
{
	struct chr_snap s = {0};
	struct world w;
	char got[8] = "";

	(void)state;
	begin(&w);
	open_it(&w, "loop");
	/* So that what waits lies round the ring's end. */
	w.c.fed = malloc(CHR_FED);
	assert_non_null(w.c.fed);
	w.c.fed_at = CHR_FED - 2;
	chr_put(&w.c, "abcde", 5);
	chr_hang_up(&w.c);
	assert_int_equal(w.woken, 2);
	assert_int_equal(chr_save(&s, &w.c), 0);
	chr_put(&w.c, "more", 4);
	assert_int_equal(chr_take(&w.c, got, 3), 3);
	w.c.hung_up = false;
	assert_int_equal(chr_load(&w.c, &s), 0);
	assert_string_equal(buf_str(&w.c.out), "abcde");
	assert_int_equal(w.c.written, 5);
	assert_true(w.c.hung_up);
	assert_int_equal(chr_take(&w.c, got, 8), 5);
	assert_memory_equal(got, "abcde", 5);
	/* Only its owner takes the ear away. */
	chr_set_wake(&w.c, NULL, &s);
	assert_non_null(w.c.wake);
	chr_set_wake(&w.c, NULL, &w);
	assert_null(w.c.wake);
	chr_feed(&w.c, "x", 1);
	assert_int_equal(w.woken, 3);
	chr_snap_free(&s);
	end(&w);
}

static void files_are_written_and_read(void **state)
{
	char dir[] = "/tmp/test_chr.XXXXXX", out[64], in[64], text[160];
	struct world w;
	void *p;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(out, sizeof(out), "%s/out", dir);
	(void)snprintf(in, sizeof(in), "%s/in", dir);
	assert_int_equal(file_write(in, "input", 5, NULL), 0);
	assert_int_equal(file_write(out, "what was there", 14, NULL), 0);
	(void)snprintf(text, sizeof(text), "file:%s,in=%s", out, in);
	begin(&w);
	open_it(&w, text);
	assert_int_equal(chr_get(&w.c), 'i');
	chr_put(&w.c, "one ", 4);
	chr_put(&w.c, "two", 3);
	end(&w);
	assert_int_equal(file_read(out, 100, &p, &len, NULL), 0);
	assert_string_equal(p, "one two");
	free(p);
	unlink(out);
	unlink(in);
	rmdir(dir);
	/* A full disk: counted, said, and no more. */
	begin(&w);
	open_it(&w, "file:/dev/full");
	chr_put(&w.c, "abc", 3);
	chr_put(&w.c, "d", 1);
	assert_int_equal(w.c.lost, 4);
	assert_int_equal(w.c.error, -ENOSPC);
	assert_int_equal(w.c.written, 4);
	end(&w);
}

static void pipes_carry_both_ways(void **state)
{
	int to[2], from[2];
	struct world w;
	char text[32], got[8] = "";

	(void)state;
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	(void)snprintf(text, sizeof(text), "fd:%d,%d", to[0], from[1]);
	begin(&w);
	open_it(&w, text);
	assert_true(input_is_live(w.in));
	assert_int_equal(write(to[1], "abc", 3), 3);
	assert_int_equal(chr_pending(&w.c), 0);
	listen_for(&w, 3);
	assert_int_equal(w.woken, 1);
	chr_put(&w.c, "out", 3);
	assert_int_equal(read(from[0], got, sizeof(got)), 3);
	assert_string_equal(got, "out");
	/* The reader goes away: no signal ends us, and that is remembered. */
	close(from[0]);
	chr_put(&w.c, "lost", 4);
	assert_int_equal(w.c.lost, 4);
	assert_int_equal(w.c.error, -EPIPE);
	/* The writer does: the device is told. */
	assert_false(w.c.hung_up);
	close(to[1]);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_true(w.c.hung_up);
	assert_int_equal(chr_pending(&w.c), 3);
	end(&w);
	/* They are not ours to close. */
	assert_int_equal(close(to[0]), 0);
	assert_int_equal(close(from[1]), 0);
}

static void a_full_device_lets_the_peer_wait(void **state)
{
	uint8_t *big = calloc(1, CHR_FED);
	int to[2];
	struct world w;
	char text[32];

	(void)state;
	assert_non_null(big);
	assert_int_equal(pipe(to), 0);
	(void)snprintf(text, sizeof(text), "fd:%d,-", to[0]);
	begin(&w);
	open_it(&w, text);
	chr_feed(&w.c, big, CHR_FED - 2);
	assert_int_equal(write(to[1], "abcdef", 6), 6);
	assert_int_equal(clock_advance(&w.clock, 5 * INPUT_TICK), 0);
	assert_int_equal(chr_room(&w.c), 0);
	assert_int_equal(chr_take(&w.c, big, CHR_FED), CHR_FED);
	assert_int_equal(clock_advance(&w.clock, INPUT_TICK), 0);
	assert_int_equal(chr_take(&w.c, big, 8), 4);
	assert_memory_equal(big, "cdef", 4);
	chr_put(&w.c, "nowhere", 7);
	assert_int_equal(w.c.lost, 0); /* nobody was to have it */
	free(big);
	end(&w);
	close(to[0]);
	close(to[1]);
}

static void a_peer_that_does_not_read_costs_its_time_once(void **state)
{
	uint8_t *big = calloc(1, 1 << 20);
	int from[2];
	struct world w;
	char text[32];

	(void)state;
	assert_non_null(big);
	assert_int_equal(pipe(from), 0);
	(void)snprintf(text, sizeof(text), "fd:-,%d", from[1]);
	begin(&w);
	open_it(&w, text);
	alarm(20); /* far more than CHR_STALL_MS once, far less than for each piece */
	for (unsigned i = 0; i < 50; i++)
		chr_put(&w.c, big, 1 << 20);
	alarm(0);
	assert_int_equal(w.c.error, -ETIMEDOUT);
	assert_true(w.c.lost > 49u << 20);
	free(big);
	end(&w);
	close(from[0]);
	close(from[1]);
}

static void named_pipes_wait_for_nobody(void **state)
{
	char dir[] = "/tmp/test_chr.XXXXXX", a[64], b[64], text[160], got[8] = "";
	struct world w;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(a, sizeof(a), "%s/a", dir);
	(void)snprintf(b, sizeof(b), "%s/b", dir);
	assert_int_equal(mkfifo(a, 0600), 0);
	assert_int_equal(mkfifo(b, 0600), 0);
	(void)snprintf(text, sizeof(text), "pipe:%s,%s", a, b);
	begin(&w);
	open_it(&w, text);
	fd = open(a, O_WRONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "in", 2), 2);
	close(fd); /* another may come: that is no end */
	listen_for(&w, 2);
	assert_int_equal(clock_advance(&w.clock, 5 * INPUT_TICK), 0);
	assert_false(w.c.hung_up);
	chr_put(&w.c, "out", 3);
	fd = open(b, O_RDONLY | O_NONBLOCK);
	assert_int_equal(read(fd, got, sizeof(got)), 3);
	close(fd);
	end(&w);
	unlink(a);
	unlink(b);
	rmdir(dir);
}

static void a_pty_is_a_terminal(void **state)
{
	uint8_t *big = calloc(1, 1 << 20);
	struct world w;
	char got[16] = "";
	int fd;

	(void)state;
	assert_non_null(big);
	begin(&w);
	open_it(&w, "pty");
	assert_non_null(w.c.where);
	fd = open(w.c.where, O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_true(isatty(fd));
	/* As they are, without an echo, both ways. */
	assert_int_equal(write(fd, "a\rb\x03", 4), 4);
	listen_for(&w, 4);
	assert_int_equal(chr_take(&w.c, got, 4), 4);
	assert_memory_equal(got, "a\rb\x03", 4);
	chr_put(&w.c, "x\ny", 3);
	assert_int_equal(read(fd, got, sizeof(got)), 3);
	assert_memory_equal(got, "x\ny", 3);
	assert_int_equal(clock_advance(&w.clock, 5 * INPUT_TICK), 0);
	assert_int_equal(chr_pending(&w.c), 0);
	/* Nobody looks: no end, and no waiting. */
	close(fd);
	alarm(20);
	chr_put(&w.c, big, 1 << 20);
	alarm(0);
	assert_true(w.c.lost > 0);
	assert_int_equal(clock_advance(&w.clock, 5 * INPUT_TICK), 0);
	assert_false(w.c.hung_up);
	free(big);
	end(&w);
	assert_null(w.c.where);
}

static unsigned mode_of(int fd)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	return t.c_lflag & (ECHO | ICANON);
}

/* A process with that terminal as its standard input, and how it ends: (sig), 0: in order. */
static void run_on(int master, const char *name, int sig)
{
	int fd = open(name, O_RDWR | O_NOCTTY), status, before = (int)mode_of(fd);
	pid_t pid = fork();

	assert_true(fd >= 0 && pid >= 0);
	assert_int_equal(before, ECHO | ICANON);
	if (!pid) {
		struct world w;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setsid();
		dup2(fd, 0);
		dup2(fd, 1);
		w = (struct world){0};
		clock_init(&w.clock);
		if (input_new(&w.in, &w.clock, NULL, NULL) ||
		    chr_open(&w.c, "stdio", "c", w.in, NULL))
			_exit(9);
		chr_put(&w.c, "up\n", 3);
		if (sig)
			pause();
		chr_fini(&w.c);
		_exit(0);
	}
	for (unsigned i = 0; i < 2000 && sig && mode_of(fd); i++)
		usleep(1000);
	if (sig) {
		assert_int_equal(mode_of(fd), 0);
		kill(pid, sig);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(sig ? WTERMSIG(status) : WEXITSTATUS(status), sig);
	for (unsigned i = 0; i < 2000 && !mode_of(fd); i++)
		usleep(1000);
	assert_int_equal(mode_of(fd), before);
	close(fd);
	(void)master;
}

static void the_terminal_is_put_back(void **state)
{
	static const int sigs[] = {0, SIGTERM, SIGKILL, SIGHUP};
	int master = posix_openpt(O_RDWR | O_NOCTTY), keep;
	char name[64];

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) || unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	keep = open(name, O_RDWR | O_NOCTTY);
	for (unsigned i = 0; i < ARRAY_SIZE(sigs); i++)
		run_on(master, name, sigs[i]);
	close(keep);
	close(master);
}

static void replay_opens_nothing(void **state)
{
	char path[] = "/tmp/test_chr.XXXXXX";
	int fd = mkstemp(path), to[2];
	struct world w;
	char text[32];

	(void)state;
	close(fd);
	unlink(path);
	assert_int_equal(pipe(to), 0);
	(void)snprintf(text, sizeof(text), "fd:%d", to[0]);
	w = (struct world){0};
	clock_init(&w.clock);
	assert_int_equal(input_new(&w.in, &w.clock, path, NULL), 0);
	open_it(&w, text);
	assert_int_equal(write(to[1], "abc", 3), 3);
	listen_for(&w, 3);
	assert_int_equal(input_close(w.in, NULL), 0);
	end(&w);
	close(to[0]);
	close(to[1]);
	/* Descriptors that are not there, and a pty that is none. */
	for (unsigned i = 0; i < 3; i++) {
		static const char *const texts[] = {"fd:77", "pty", "pipe:/no/such"};

		w = (struct world){0};
		clock_init(&w.clock);
		assert_int_equal(input_replay(&w.in, &w.clock, path, NULL), 0);
		open_it(&w, texts[i]);
		assert_null(w.c.where);
		assert_int_equal(clock_advance(&w.clock, INPUT_TICK * 10000), 0);
		assert_int_equal(chr_pending(&w.c), 3);
		chr_put(&w.c, "kept", 4);
		assert_string_equal(buf_str(&w.c.out), "kept");
		end(&w);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_text_is_input),
		cmocka_unit_test(a_loop_comes_back),
		cmocka_unit_test(a_snapshot_has_what_waits),
		cmocka_unit_test(files_are_written_and_read),
		cmocka_unit_test(pipes_carry_both_ways),
		cmocka_unit_test(a_full_device_lets_the_peer_wait),
		cmocka_unit_test(a_peer_that_does_not_read_costs_its_time_once),
		cmocka_unit_test(named_pipes_wait_for_nobody),
		cmocka_unit_test(a_pty_is_a_terminal),
		cmocka_unit_test(the_terminal_is_put_back),
		cmocka_unit_test(replay_opens_nothing),
	};

	return cmocka_run_group_tests_name("chr_open", tests, NULL, NULL);
}
