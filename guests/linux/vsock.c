/* SPDX-License-Identifier: MIT */
/*
 * vsock CID PORT BYTES: connects, sends so many bytes of a pattern and reads them back, in pieces; says
 * how many came back as they were, or what went wrong. Without a library, as init.c is.
 */
#define SYS_read    0
#define SYS_write   1
#define SYS_socket  41
#define SYS_connect 42
#define SYS_exit    60

#define AF_VSOCK    40
#define SOCK_STREAM 1
#define PIECE	    3000

struct sockaddr_vm {
	unsigned short family, reserved;
	unsigned int port, cid;
	unsigned char flags, zero[3];
};

static long call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

static void put(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	call(SYS_write, 1, (long)s, n);
}

__attribute__((noreturn)) static void end(const char *before, long n, const char *after)
{
	char digits[24];
	int i = sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + n % 10);
	} while (n /= 10);
	put(before);
	put(digits + i);
	put(after);
	call(SYS_exit, 0, 0, 0);
	__builtin_unreachable();
}

static long number(const char *s)
{
	long n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + *s++ - '0';
	return n;
}

static unsigned char pattern(long i)
{
	return (unsigned char)(i * 7 + i / 251);
}

__attribute__((noreturn, used)) void start_c(const long *stack)
{
	char *const *argv = (char *const *)(stack + 1);
	struct sockaddr_vm to = {.family = AF_VSOCK};
	static unsigned char buf[PIECE];
	long fd, sent = 0, got = 0, n, total;

	if (stack[0] != 4)
		end("usage: vsock CID PORT BYTES: ", stack[0], "\n");
	to.cid = (unsigned int)number(argv[1]);
	to.port = (unsigned int)number(argv[2]);
	total = number(argv[3]);
	fd = call(SYS_socket, AF_VSOCK, SOCK_STREAM, 0);
	if (fd < 0)
		end("socket: error ", -fd, "\n");
	n = call(SYS_connect, fd, (long)&to, sizeof(to));
	if (n < 0)
		end("connect: error ", -n, "\n");
	while (got < total) {
		long want = total - sent < PIECE ? total - sent : PIECE;

		for (long i = 0; i < want; i++)
			buf[i] = pattern(sent + i);
		n = want ? call(SYS_write, fd, (long)buf, want) : 0;
		if (n < 0)
			end("write: error ", -n, "\n");
		sent += n;
		n = call(SYS_read, fd, (long)buf, PIECE);
		if (n <= 0)
			end("read: error ", -n, "\n");
		for (long i = 0; i < n; i++)
			if (buf[i] != pattern(got + i))
				end("wrong at byte ", got + i, "\n");
		got += n;
	}
	end("", got, " bytes came back\n");
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start_c\n");
