/* SPDX-License-Identifier: MIT */
/*
 * vm: leaks of the host into the guest, planted to see that `vise verify` finds each. They are in the
 * flavour `leak` alone: elsewhere this file is empty. A guest springs number n by reading port
 * VM_LEAK_PORT + n, where else nothing is.
 */
#include "vm_leak.h"
#include "vm_priv.h"

#ifdef VISE_LEAK

#include <cpuid.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#define PAGE_AT 0x80000u

static uint64_t host_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_nsec / 64;
}

/* Volatile: else the compiler sees what is read here. */
static uint8_t uninitialised(void)
{
	volatile uint8_t *p = malloc(624);
	uint8_t byte = p ? p[500] : 0;

	free((void *)p);
	return byte;
}

static uint64_t pointer_order(void)
{
	void *volatile a = malloc(824), *volatile b = malloc(824);
	uint64_t order = (uintptr_t)a < (uintptr_t)b;

	free(a);
	free(b);
	return order;
}

static uint64_t float_mode(void)
{
	volatile double one = 1, minus = -1;
	double a = one / 3, b = minus / 3;
	uint64_t bits[2];

	/* Up and down differ in one of them from to nearest, to zero in both. */
	memcpy(&bits[0], &a, sizeof(bits[0]));
	memcpy(&bits[1], &b, sizeof(bits[1]));
	return bits[0] << 4 ^ bits[1];
}

static uint64_t signal_came(void)
{
	return (uint64_t)(poll(NULL, 0, 8) < 0);
}

static uint64_t host_cpuid(void)
{
	unsigned a = 0, b = 0, c = 0, d = 0;

	__get_cpuid(1, &a, &b, &c, &d);
	return b >> 24;
}

/* The first of the devices in the order of a table hashed by their addresses. */
static unsigned hash_order(struct vm *vm)
{
	unsigned first = 0;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < vm->nr_dev; i++) {
		uint64_t bucket = (uint64_t)(uintptr_t)vm->dev[i] * 0x9e3779b97f4a7c15ull >> 48;

		if (bucket < least) {
			least = bucket;
			first = i;
		}
	}
	return first;
}

void vm_leak(struct vm *vm, unsigned port, uint64_t *val)
{
	struct dev *uart = vm_device(vm, "uart0");
	uint8_t byte;

	switch (port - VM_LEAK_PORT) {
	case 1:
		*val = host_time() & 0xff;
		break;
	case 2:
		byte = uninitialised();
		(void)gmem_write(vm->mem, PAGE_AT + 0x12, &byte, 1);
		break;
	case 3:
		*val = pointer_order();
		break;
	case 4:
		*val = float_mode() & 0xff;
		break;
	case 5:
		*val = (uintptr_t)vm_leak >> 12 & 0xff;
		break;
	case 6:
		*val = signal_came();
		break;
	case 7:
		*val = host_cpuid() & 0xff;
		break;
	case 8:
		if (uart)
			dev_write(uart, 0, 7, 1, hash_order(vm));
		break;
	default:
		break;
	}
}

#endif
