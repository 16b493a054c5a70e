/* SPDX-License-Identifier: MIT */
/*
 * /init of the tiny kernel's initramfs: one line on the console, then off. No library and 1 page:
 * it takes as little as a user space can. The line is "VISE: init"; "VISE: N passed, N failed" is
 * what followed: floating point, memory and system calls work. 0 at port 0xf4 ends the run on
 * machines with that port; others are powered off.
 */
#define SYS_write  1
#define SYS_mmap   9
#define SYS_getpid 39
#define SYS_reboot 169
#define SYS_ioperm 173

#define DEBUG_EXIT 0xf4
#define PAGES	   16
#define PAGE	   4096

#define LINUX_REBOOT_MAGIC1	   0xfee1dead
#define LINUX_REBOOT_MAGIC2	   672274793
#define LINUX_REBOOT_CMD_POWER_OFF 0x4321fedc

#define PROT_READ     1
#define PROT_WRITE    2
#define MAP_PRIVATE   2
#define MAP_ANONYMOUS 0x20

static long call(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = 0;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void say(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	call(SYS_write, 1, (long)s, n, 0);
}

/* Each new page is zero and keeps what is written to it. */
static int memory_works(void)
{
	volatile unsigned char *p = (void *)call(SYS_mmap, 0, PAGES * PAGE, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS);

	if ((unsigned long)p >= -4095ul)
		return 0;
	for (int i = 0; i < PAGES; i++) {
		if (p[i * PAGE])
			return 0;
		p[i * PAGE] = (unsigned char)(i + 1);
	}
	for (int i = 0; i < PAGES; i++)
		if (p[i * PAGE] != i + 1)
			return 0;
	return 1;
}

static int floats_work(void)
{
	volatile double x = 1;

	/* Newton's way to the square root of 2. */
	for (int i = 0; i < 6; i++)
		x = (x + 2 / x) / 2;
	return x > 1.41421356237309 && x < 1.41421356237310;
}

__attribute__((noreturn, used)) void start_c(void)
{
	int bad = 0;

	say("VISE: init\n");
	bad += !memory_works();
	bad += !floats_work();
	bad += call(SYS_getpid, 0, 0, 0, 0) != 1;
	say(bad ? "VISE: something failed\n" : "VISE: 3 passed, 0 failed\n");
	if (!bad && call(SYS_ioperm, DEBUG_EXIT, 1, 1, 0) == 0)
		__asm__ volatile("outb %%al, $0xf4" : : "a"(0));
	call(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, 0);
	for (;;)
		__asm__ volatile("pause");
}

/* The kernel leaves the stack aligned to 16; a call keeps the promise to C. */
__asm__(".globl _start\n_start: xor %ebp, %ebp\n call start_c\n");
