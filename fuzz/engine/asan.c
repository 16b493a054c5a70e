/* SPDX-License-Identifier: MIT */
/*
 * asan: defaults of AddressSanitizer where a fuzzer drives; ASAN_OPTIONS overrides them. A case frees
 * some kilobytes, and a block stays poisoned until QUARANTINE more are freed: 256 MiB, the usual amount,
 * make each allocation of each case a cold one, which took a fifth of the time. The stacks of allocations
 * are for whoever reads a report, which is written by the replay program: that one keeps all defaults.
 */
#if defined(VISE_FUZZ) && defined(__has_feature)
#if __has_feature(address_sanitizer)

const char *__asan_default_options(void);

__attribute__((used, visibility("default"), no_sanitize("address", "undefined", "coverage")))
const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=4:malloc_context_size=2";
}

#endif
#endif
