/* SPDX-License-Identifier: MIT */
/*
 * For unit tests: make the next allocations fail. Only with glibc and without a sanitizer, whose
 * allocator may not be replaced; elsewhere TEST_ALLOC is 0 and such tests are left out.
 */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(TEST_ASAN)
#define TEST_ASAN 1
#endif
#ifndef TEST_ASAN
#define TEST_ASAN 0
#endif

#if defined(__GLIBC__) && !TEST_ASAN
#define TEST_ALLOC 1

/* So many allocations go well, then one fails; -1: all go well. */
static int test_alloc_after = -1;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);

static int test_alloc_fails(void)
{
	return test_alloc_after >= 0 && test_alloc_after-- == 0;
}

void *malloc(size_t n)
{
	return test_alloc_fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t m)
{
	return test_alloc_fails() ? NULL : __libc_calloc(n, m);
}

void *realloc(void *p, size_t n)
{
	return test_alloc_fails() ? NULL : __libc_realloc(p, n);
}
#else
#define TEST_ALLOC 0
#endif

#endif
