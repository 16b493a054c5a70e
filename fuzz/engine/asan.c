/* SPDX-License-Identifier: MIT */
/*
 * asan: defaults of AddressSanitizer where a fuzzer drives; ASAN_OPTIONS overrides them. A block that
 * was freed stays poisoned until a MiB more is, which is many cases' worth: with the usual 256 MiB each
 * allocation of each case is a cold one. New memory is filled with a pattern for its first bytes only.
 * The stacks of allocations are for whoever reads a report, which the replay program writes: that one
 * keeps all defaults.
 */
#if defined(VISE_FUZZ) && defined(__has_feature)
#if __has_feature(address_sanitizer)

const char *__asan_default_options(void);

__attribute__((used, no_sanitize("address", "undefined", "coverage"))) const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=1:max_malloc_fill_size=256:malloc_context_size=2";
}

#endif
#endif
